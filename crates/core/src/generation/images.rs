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
const V0_BUILDS: [&str; 3] = ["d298a63", "38b6a9f", "45e3b7f"];

/// Tags of development images that are known to be older than what the v0 profile fits: the original's own default was v0.2.2-beta.1.
const OLDER_BUILDS: [&str; 1] = ["38056f5"];

/// The oldest and the newest patch of v0.2 that the v0 profile fits.
const V0_PATCHES: std::ops::RangeInclusive<u32> = 13..=17;

/// The generation that the tag of a node's image tells: `v1.7.6` and `1.7.6` are v1, `v0.2.17-beta.0` is v0. None for other tags.
#[must_use]
pub fn generation_of_image(image: &ImageReference) -> Option<Generation> {
    if image.tag().is_some_and(|tag| V0_BUILDS.contains(&tag)) {
        return Some(Generation::V0);
    }
    match release(image)?.as_slice() {
        [1, _, ..] => Some(Generation::V1),
        [0, 2, patch] if V0_PATCHES.contains(patch) => Some(Generation::V0),
        _ => None,
    }
}

/// True for a release that neither generation fits: before v0.2.13 flags were others, and from v0.2.18 to the end of v0 nodes had some of v1 already.
#[must_use]
pub fn is_of_no_generation(image: &ImageReference) -> bool {
    let is_v0_release = release(image).is_some_and(|numbers| numbers.first() == Some(&0));
    let is_older_build = image.tag().is_some_and(|tag| OLDER_BUILDS.contains(&tag));
    is_older_build || (is_v0_release && generation_of_image(image).is_none())
}

/// The numbers of a tag that is a version, without what follows a hyphen.
fn release(image: &ImageReference) -> Option<Vec<u32>> {
    let tag = image.tag()?;
    let version = tag.strip_prefix('v').unwrap_or(tag);
    let release = version.split(['-', '+']).next().unwrap_or_default();
    if !release.contains('.') {
        return None;
    }
    release.split('.').map(str::parse).collect::<Result<_, _>>().ok()
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
    fn releases_that_no_profile_fits_are_known() {
        let fits_none = |image: &str| is_of_no_generation(&ImageReference::parse(image).unwrap());
        for image in ["x/y:v0.2.22", "x/y:v0.2.2-beta.1", "x/y:0.3.8", "spacemeshos/go-spacemesh-dev:38056f5"]
        {
            assert!(fits_none(image), "{image}");
        }
        for image in ["x/y:v0.2.17-beta.0", "x/y:v1.7.6", "x/y:develop", "x/y:0", "x/y"] {
            assert!(!fits_none(image), "{image}");
        }
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
