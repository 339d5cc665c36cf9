//! What a killed server leaves outside of its data folder.
//!
//! PostgreSQL keeps a tiny System V segment as proof of life. A restart over the same folder takes
//! it away, but one whose folder is deleted instead would stay until the machine restarts, and
//! there may be only 4096 of them.

use std::fs;
use std::path::Path;

use crate::process::kernel;

/// The line of `postmaster.pid` that names the segment.
const SEGMENT_LINE: usize = 6;

/// Removes the segment of a server that has not ended in order, unless somebody still uses it.
pub(crate) fn release(data: &Path) {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(line) = text.lines().nth(SEGMENT_LINE) else { return };
    let mut numbers = line.split_ascii_whitespace();
    // The key is printed without a sign.
    let key = numbers.next().and_then(|key| key.parse::<u32>().ok());
    let id = numbers.next().and_then(|id| id.parse().ok());
    if let (Some(key), Some(id)) = (key, id)
        && kernel::remove_unused_shared_memory(id, key.cast_signed())
    {
        tracing::debug!(data = %data.display(), id, "removed the segment of a killed server");
    }
}
