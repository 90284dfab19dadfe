//! What Spacecraft remembers of a network, in the private state bucket.
//!
//! `<network>/network.json` is the [`record`](NetworkRecord), `<network>/journal.json` what operations meant to do and did,
//! `<network>/lock.json` keeps two operators off one network.

mod journal;
mod lock;
mod record;

pub use journal::{Entry, EntryResult, Journal, JournalDocument};
pub use lock::{Holder, HolderProbe, LEASE, Lock, LockDocument, RENEWAL};
pub use record::{
    ChartRecord, GenesisRecord, NetworkRecord, NetworkStatus, NodeRecord, PoetRecord, RECORD_KIND,
    RecordStore, UpgradeRecord, unknown_network,
};

/// The schema that every document of Spacecraft names.
pub const SCHEMA: &str = "spacecraft/v1";
