//! The regions and zones of the simulated Google Cloud.

/// Regions with their zones' letters.
const REGIONS: [(&str, &str); 7] = [
    ("us-central1", "abcf"),
    ("us-east1", "bcd"),
    ("us-east4", "abc"),
    ("us-west1", "abc"),
    ("europe-west1", "bcd"),
    ("europe-west4", "abc"),
    ("asia-east1", "abc"),
];

/// The names of all regions.
pub(crate) fn regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(region, _)| *region)
}

/// The names of all zones.
pub(crate) fn zones() -> Vec<String> {
    regions().flat_map(zones_of).collect()
}

/// The zones of a region, or a zone itself.
pub(crate) fn zones_of(location: &str) -> Vec<String> {
    if is_zone(location) {
        return vec![location.to_owned()];
    }
    let letters = REGIONS.iter().find(|(region, _)| *region == location).map(|(_, letters)| *letters);
    letters.unwrap_or_default().chars().map(|letter| format!("{location}-{letter}")).collect()
}

/// True for the name of a zone.
pub(crate) fn is_zone(name: &str) -> bool {
    let Some((region, zone)) = name.rsplit_once('-') else { return false };
    let mut letters = zone.chars();
    let letter = letters.next();
    letters.next().is_none()
        && REGIONS.iter().any(|(known, known_letters)| {
            *known == region && letter.is_some_and(|letter| known_letters.contains(letter))
        })
}

/// True for the name of a region.
pub(crate) fn is_region(name: &str) -> bool {
    regions().any(|region| region == name)
}

/// True for the name of a zone or region.
pub(crate) fn is_location(name: &str) -> bool {
    is_zone(name) || is_region(name)
}

/// The region of a zone; a region is its own.
pub(crate) fn region_of(location: &str) -> String {
    match location.rsplit_once('-') {
        Some((region, _)) if is_zone(location) => region.to_owned(),
        _ => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_and_regions_are_told_apart() {
        assert!(is_zone("us-central1-a") && !is_zone("us-central1") && !is_zone("us-central1-ab"));
        assert!(is_region("us-central1") && !is_region("us-central1-a") && !is_region("us-central1-"));
        assert_eq!(region_of("europe-west4-a"), "europe-west4");
        assert_eq!(zones_of("us-east1"), ["us-east1-b", "us-east1-c", "us-east1-d"]);
    }

    #[test]
    fn every_zone_belongs_to_its_region() {
        assert!(zones().iter().all(|zone| is_zone(zone) && is_region(&region_of(zone))));
    }
}
