//! Spec, generation profiles, identities, topology, placement, plan, provider traits and operations of Spacecraft.
