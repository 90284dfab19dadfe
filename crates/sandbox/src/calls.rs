//! How often each service was called, and what the newest calls were.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// How many calls are remembered one by one.
const REMEMBERED: usize = 20_000;

/// Calls of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCount {
    /// All calls.
    pub total: u64,
    /// Those that could change something: all but GET, HEAD, OPTIONS, token requests and access reviews.
    pub writes: u64,
}

/// Counts by service name.
pub type CallCounts = BTreeMap<String, CallCount>;

/// One answered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Counts all calls of the sandbox from 1; refused and failed ones too, admin calls not.
    pub number: u64,
    /// The service's name.
    pub service: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query; secrets do not travel there.
    pub path: String,
    /// The answer's status; 0 when a fault kept it back.
    pub status: u16,
    /// The length of the request's body.
    pub request_bytes: u64,
    /// The length of the answer's body; for streams, of its beginning.
    pub response_bytes: u64,
}

/// The newest calls and the number of the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<Call>,
}

impl CallLog {
    pub(crate) fn add(&mut self, call: Call) {
        if self.calls.len() >= REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// The calls numbered above `after`, oldest first.
    pub(crate) fn after(&self, after: u64) -> Vec<Call> {
        self.calls.iter().filter(|call| call.number > after).cloned().collect()
    }
}
