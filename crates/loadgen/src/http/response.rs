//! Reads one answer from bytes that may arrive in any pieces.

use super::body::Body;
use super::head::{Framing, Head};

/// Servers limit request heads to 8 to 64 KiB; an answer has no reason to be larger.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// More interim answers (1xx) than this are a server gone mad.
const INTERIM_ANSWERS_MAX: u8 = 16;

/// What is not HTTP, or larger than the client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no HTTP or too large")]
pub(crate) struct ProtocolError;

/// What the client knows about its answer in advance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectation {
    /// The request was HEAD: whatever the headers say, no body follows.
    pub(crate) bodiless: bool,
    /// The headers whose values are kept.
    pub(crate) headers: Vec<String>,
    pub(crate) keep_body: bool,
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether the connection can carry another request.
    pub(crate) reusable: bool,
    pub(crate) source: Option<String>,
    pub(crate) stale: bool,
    pub(crate) age_ms: Option<u64>,
    /// The values of [`Expectation::headers`]; empty when the answer has none of them.
    pub(crate) headers: Vec<Option<String>>,
    /// Empty unless [`Expectation::keep_body`].
    pub(crate) body: Vec<u8>,
}

/// What the reader got out of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The answer goes on.
    More,
    /// The answer is whole. `surplus` bytes follow it that nobody asked for.
    Done { answer: Answer, surplus: usize },
}

/// Reads one answer after another.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    /// The start of a head whose end has not come yet.
    pending: Vec<u8>,
    body: Option<(Answer, Body)>,
    body_bytes: u64,
    interim_answers: u8,
}

impl ResponseReader {
    /// Reads on in `bytes`.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        expectation: &Expectation,
    ) -> Result<Step, ProtocolError> {
        if self.body.is_some() {
            self.read_body(bytes, expectation)
        } else if self.pending.is_empty() {
            self.read_heads(bytes, expectation)
        } else {
            // Parsing starts over each time, so it waits until at least a line is whole.
            self.pending.extend_from_slice(bytes);
            if !bytes.contains(&b'\n') && self.pending.len() <= HEAD_BYTES_MAX {
                return Ok(Step::More);
            }
            let pending = std::mem::take(&mut self.pending);
            self.read_heads(&pending, expectation)
        }
    }

    /// The connection was closed: the answer, if that is how its end is marked.
    pub(crate) fn end(
        &mut self,
        expectation: &Expectation,
    ) -> Result<Option<Answer>, ProtocolError> {
        let Self { pending, body, .. } = std::mem::take(self);
        match body {
            Some((answer, Body::UntilClose)) => Ok(Some(answer)),
            Some(_) => Ok(None),
            // Garbage without a line end has not been looked at yet.
            None => Head::parse(&pending, expectation).map(|_| None),
        }
    }

    fn read_heads(
        &mut self,
        mut bytes: &[u8],
        expectation: &Expectation,
    ) -> Result<Step, ProtocolError> {
        while let Some(head) = Head::parse(bytes, expectation)? {
            if head.length > HEAD_BYTES_MAX {
                return Err(ProtocolError);
            }
            bytes = &bytes[head.length..];
            if head.is_interim() {
                self.interim_answers += 1;
                if self.interim_answers > INTERIM_ANSWERS_MAX {
                    return Err(ProtocolError);
                }
                continue;
            }
            // Most answers are there at once: with no body left they need no state.
            if head.framing == Framing::Length(0) {
                self.interim_answers = 0;
                return Ok(Step::Done { answer: head.answer, surplus: bytes.len() });
            }
            self.body = Some((head.answer, Body::new(head.framing)?));
            return self.read_body(bytes, expectation);
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(ProtocolError);
        }
        self.pending.extend_from_slice(bytes);
        Ok(Step::More)
    }

    fn read_body(
        &mut self,
        bytes: &[u8],
        expectation: &Expectation,
    ) -> Result<Step, ProtocolError> {
        let Some((answer, body)) = &mut self.body else { return Ok(Step::More) };
        let kept = expectation.keep_body.then_some(&mut answer.body);
        let taken = body.read(bytes, &mut self.body_bytes, kept)?;
        if *body != Body::Done {
            return Ok(Step::More);
        }
        let answer = std::mem::take(answer);
        *self = Self::default();
        Ok(Step::Done { answer, surplus: bytes.len() - taken })
    }
}

#[cfg(test)]
mod tests;
