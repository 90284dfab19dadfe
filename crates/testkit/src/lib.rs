//! One conformance suite per provider trait, in-memory providers and recorders.
