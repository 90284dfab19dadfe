//! Compiles the gRPC services of the simulated nodes, and lists the sandbox's own charts for embedding.

#![allow(clippy::disallowed_methods, reason = "cargo configures build scripts by the environment alone")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use prost::Message;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    compile_protos()?;
    list_charts()
}

fn compile_protos() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=proto");
    let files = ["proto/spacemesh/v1/spacemesh.proto", "proto/spacemesh/v2alpha1/spacemesh.proto"];
    let descriptors = protox::compile(files, ["proto"])?;
    let path = output_folder()?.join("spacemesh.bin");
    fs::write(&path, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .file_descriptor_set_path(&path)
        .skip_protoc_run()
        .compile_protos(&files, &["proto"])?;
    Ok(())
}

/// Writes `charts.rs`: a list of (repository, chart, path below the chart, content).
fn list_charts() -> Result<(), Failure> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../testdata/charts");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut source = String::from("&[\n");
    for file in files {
        let relative = file.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        let mut parts = relative.splitn(3, '/');
        if let (Some(repository), Some(chart), Some(path)) = (parts.next(), parts.next(), parts.next()) {
            let file = file.canonicalize()?;
            source.push_str(&format!(
                "    ({repository:?}, {chart:?}, {path:?}, include_bytes!({:?})),\n",
                file.display().to_string()
            ));
        }
    }
    source.push_str("]\n");
    fs::write(output_folder()?.join("charts.rs"), source)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn output_folder() -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(env::var("OUT_DIR")?))
}
