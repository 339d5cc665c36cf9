//! The buffer of a thread, where bytes are on their way from one socket to the other. Connections
//! have none of their own, so that an idle one costs little.

use std::cell::RefCell;

/// What a thread reads at once. A read that fills it is taken for bulk.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Lends the buffer of this thread.
pub(super) fn with_scratch<T>(lend: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| lend(scratch))
}
