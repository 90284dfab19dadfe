//! What templates write, in memory that the next one uses again.

use std::cell::RefCell;
use std::ops::Deref;

/// Memory of outputs that are gone. Most templates are included by others, and what they wrote is copied from there at once.
pub(super) type Spare = RefCell<Vec<Vec<u8>>>;

/// Room for the output of most templates.
const TYPICAL_BYTES: usize = 2048;
/// More memory than this is not kept.
const MOST_BYTES: usize = 256 * 1024;

/// The bytes that a template wrote.
#[derive(Debug)]
pub struct Output<'i> {
    pub(super) bytes: Vec<u8>,
    spare: &'i Spare,
}

impl<'i> Output<'i> {
    pub(super) fn new(spare: &'i Spare) -> Self {
        let bytes = spare.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(TYPICAL_BYTES));
        Self { bytes, spare }
    }
}

impl Deref for Output<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if self.bytes.capacity() <= MOST_BYTES {
            self.bytes.clear();
            self.spare.borrow_mut().push(std::mem::take(&mut self.bytes));
        }
    }
}
