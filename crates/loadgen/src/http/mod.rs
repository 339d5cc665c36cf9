//! The client's half of HTTP/1.1 that reads: bytes in, one answer out, no I/O.

mod body;
mod head;
mod response;

pub(crate) use response::{Answer, Expectation, ResponseReader, Step};
