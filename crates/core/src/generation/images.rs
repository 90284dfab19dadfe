use crate::image::ImageReference;
use crate::spec::Generation;

/// The images of nodes and PoETs that a generation runs unless told otherwise.
///
/// * v1: go-spacemesh v1.7.6 with PoET v0.10.4, the version it is built against.
/// * v0: go-spacemesh v0.2.17-beta.0 (`d298a63`), the last release with integer network ids, and PoET `ef8f28a`, the newest tag known to take `--duration`
///   and `--initialduration`; the original's `develop` moves and lost both in August 2022.
///
/// ```
/// use spacecraft_core::generation::default_images;
/// use spacecraft_core::spec::Generation;
///
/// let (node, poet) = default_images(Generation::V1);
/// assert_eq!((node, poet), ("spacemeshos/go-spacemesh:v1.7.6", "spacemeshos/poet:v0.10.4"));
/// ```
#[must_use]
pub const fn default_images(generation: Generation) -> (&'static str, &'static str) {
    match generation {
        Generation::V0 => ("spacemeshos/go-spacemesh-dev:d298a63", "spacemeshos/poet:ef8f28a"),
        Generation::V1 => ("spacemeshos/go-spacemesh:v1.7.6", "spacemeshos/poet:v0.10.4"),
    }
}

/// Tags of development images that are known to be of v0.
const V0_BUILDS: [&str; 4] = ["d298a63", "38b6a9f", "45e3b7f", "38056f5"];

/// The generation that the tag of a node's image tells: `v1.7.6` and `1.7.6` are v1, `v0.2.17-beta.0` is v0. None for other tags.
///
/// From v0.2.18 to the end of v0, nodes had bech32 addresses already but not all of v1, so these tell nothing either.
#[must_use]
pub fn generation_of_image(image: &ImageReference) -> Option<Generation> {
    let tag = image.tag()?;
    if V0_BUILDS.contains(&tag) {
        return Some(Generation::V0);
    }
    let version = tag.strip_prefix('v').unwrap_or(tag);
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<u32> = release.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    match numbers.as_slice() {
        [1, _, ..] => Some(Generation::V1),
        [0, 2, patch] if *patch <= 17 => Some(Generation::V0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(image: &str) -> Option<Generation> {
        generation_of_image(&ImageReference::parse(image).unwrap())
    }

    #[test]
    fn the_tag_tells_the_generation_where_it_can() {
        assert_eq!(of("spacemeshos/go-spacemesh:v1.7.6"), Some(Generation::V1));
        assert_eq!(of("localhost:5000/go-spacemesh:1.8.0-rc1"), Some(Generation::V1));
        assert_eq!(of("spacemeshos/go-spacemesh:v0.2.17-beta.0"), Some(Generation::V0));
        assert_eq!(of("spacemeshos/go-spacemesh-dev:d298a63"), Some(Generation::V0));
        assert_eq!(of("spacemeshos/go-spacemesh:v0.2.22"), None);
        assert_eq!(of("spacemeshos/go-spacemesh:v0.3.8"), None);
        assert_eq!(of("spacemeshos/go-spacemesh:1"), None);
        assert_eq!(of("spacemeshos/go-spacemesh-dev:develop"), None);
        assert_eq!(of("spacemeshos/go-spacemesh"), None);
    }

    #[test]
    fn default_images_are_of_the_generation_they_are_for() {
        for generation in [Generation::V0, Generation::V1] {
            let (node, poet) = default_images(generation);
            assert_eq!(of(node), Some(generation));
            assert!(ImageReference::parse(poet).unwrap().tag().is_some(), "{poet} floats");
        }
    }
}
