//! Any bytes are a chart's archive or are refused, be they compressed already or compressed here, so that what is behind the compression is reached.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use spacecraft_helm::chart::load_archive;

fuzz_target!(|bytes: &[u8]| {
    let _ = load_archive(bytes);
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    if compressed.write_all(bytes).is_ok()
        && let Ok(archive) = compressed.finish()
    {
        let _ = load_archive(&archive);
    }
});
