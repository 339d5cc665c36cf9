//! What waits at one place of a link, oldest first, and the end that comes after it.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

/// What a chunk costs beside its bytes, about: its place here and its allocation.
const CHUNK_OVERHEAD_BYTES: usize = 128;

/// Bytes that were read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    /// When it came in, or when the last toxic that delayed it was done with it.
    pub(crate) at: Instant,
}

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The sender has sent its last byte; the other direction goes on.
    Finish,
    /// Both directions are closed once all before it is written.
    Close,
    /// Both directions are reset at once.
    Reset,
}

/// Chunks in order. Nothing is added after the end.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    end: Option<End>,
    has_ended: bool,
}

impl Queue {
    pub(crate) fn push(&mut self, chunk: Chunk) {
        if !self.has_ended && !chunk.bytes.is_empty() {
            self.bytes += chunk.bytes.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.bytes.len();
        Some(chunk)
    }

    pub(crate) fn front(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    /// Takes up to `length` bytes off the front chunk.
    pub(crate) fn split_front(&mut self, length: usize) -> Option<Chunk> {
        let front = self.chunks.front_mut()?;
        if front.bytes.len() <= length {
            return self.pop();
        }
        self.bytes -= length;
        Some(Chunk { bytes: front.bytes.split_to(length), at: front.at })
    }

    /// Moves all that waits in `earlier`, and its end, behind what waits here.
    pub(crate) fn append(&mut self, earlier: &mut Self) {
        let bytes = std::mem::take(&mut earlier.bytes);
        if self.has_ended {
            earlier.chunks.clear();
        } else {
            self.bytes += bytes;
            self.chunks.append(&mut earlier.chunks);
        }
        if let Some(end) = earlier.take_end() {
            self.end(end);
        }
    }

    /// Drops what waits; answers how many bytes that were.
    pub(crate) fn discard(&mut self) -> usize {
        self.chunks.clear();
        std::mem::take(&mut self.bytes)
    }

    /// The first bytes in one piece, at most `length` of them.
    pub(crate) fn beginning(&self, length: usize) -> Cow<'_, [u8]> {
        let mut chunks = self.chunks.iter();
        let first = chunks.next().map_or(&[][..], |chunk| &chunk.bytes[..]);
        if first.len() >= length || self.chunks.len() <= 1 {
            return Cow::Borrowed(&first[..first.len().min(length)]);
        }
        let mut joined = first.to_vec();
        for chunk in chunks {
            let missing = length - joined.len();
            joined.extend_from_slice(&chunk.bytes[..chunk.bytes.len().min(missing)]);
        }
        Cow::Owned(joined)
    }

    /// Ends the direction here; the first end counts.
    pub(crate) fn end(&mut self, end: End) {
        if !self.has_ended {
            (self.end, self.has_ended) = (Some(end), true);
        }
    }

    /// The end, taken to be passed on. Nothing can be added afterwards either.
    pub(crate) fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    pub(crate) fn pending_end(&self) -> Option<End> {
        self.end
    }

    /// Whether the end was set here, passed on or not.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether no bytes wait here.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What waits here takes so much memory, about. Many small chunks take more than their bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes + self.chunks.len() * CHUNK_OVERHEAD_BYTES
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(pieces: &[&str]) -> Queue {
        let mut queue = Queue::default();
        for piece in pieces {
            queue.push(Chunk { bytes: Bytes::from((*piece).to_owned()), at: Instant::now() });
        }
        queue
    }

    fn text(queue: &mut Queue) -> String {
        let chunks = std::iter::from_fn(|| queue.pop());
        chunks.map(|chunk| String::from_utf8(chunk.bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn its_beginning_is_seen_in_one_piece() {
        let queue = queue(&["ab", "cd", "", "ef"]);
        let beginnings = [0, 1, 2, 3, 6, 7].map(|length| queue.beginning(length).into_owned());
        let expected = ["", "a", "ab", "abc", "abcdef", "abcdef"];
        assert_eq!(beginnings, expected.map(|text| text.as_bytes().to_vec()));
    }

    #[test]
    fn small_chunks_cost_more_than_their_bytes() {
        assert_eq!(queue(&["a"; 1000]).memory_bytes(), 129_000);
        assert_eq!(queue(&["aaaa"; 0]).memory_bytes(), 0);
    }

    #[test]
    fn a_chunk_is_split_and_the_rest_stays_first() {
        let mut queue = queue(&["hello", "world"]);
        assert_eq!(queue.split_front(2).unwrap().bytes, "he");
        assert_eq!(queue.len(), 8);
        assert_eq!(queue.split_front(99).unwrap().bytes, "llo", "never over a border");
        assert_eq!((text(&mut queue).as_str(), queue.len()), ("world", 0));
    }

    #[test]
    fn one_queue_goes_behind_another_with_its_end() {
        let (mut front, mut behind) = (queue(&["a"]), queue(&["b"]));
        behind.end(End::Finish);
        front.append(&mut behind);
        assert_eq!((front.len(), front.pending_end()), (2, Some(End::Finish)));
        assert_eq!((behind.len(), behind.pending_end()), (0, None));
        assert_eq!(text(&mut front), "ab");
    }

    #[test]
    fn after_the_end_nothing_comes_and_the_first_end_counts() {
        let mut ended = queue(&["a"]);
        ended.end(End::Finish);
        ended.end(End::Reset);
        ended.append(&mut queue(&["b"]));
        assert_eq!(ended.take_end(), Some(End::Finish));
        assert!(ended.has_ended());
        assert_eq!(text(&mut ended), "a");
    }
}
