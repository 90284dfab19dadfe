//! Behaviour over the wire, in virtual time.
