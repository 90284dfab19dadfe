//! Compiles the node's gRPC services without protoc.

const INTERFACES: [&str; 3] =
    ["spacemesh/v1/node.proto", "spacemesh/v1/ledger.proto", "spacemesh/v2alpha1/ledger.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(INTERFACES, ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
