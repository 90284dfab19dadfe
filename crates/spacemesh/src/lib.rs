//! The gRPC API of go-spacemesh nodes and the REST API of PoETs.
