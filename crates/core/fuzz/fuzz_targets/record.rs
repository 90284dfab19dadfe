//! Any record and journal is read or refused, and a record that was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spacecraft_core::state::{Journal, NetworkRecord};

fuzz_target!(|bytes: &[u8]| {
    let _ = Journal::is_open(bytes);
    if let Ok(record) = serde_json::from_slice::<NetworkRecord>(bytes) {
        let written = serde_json::to_vec(&record).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<NetworkRecord>(&written).ok(), Some(record));
    }
});
