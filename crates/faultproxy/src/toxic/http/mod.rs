//! Where messages of HTTP/1 begin and end in a stream, as far as toxics need to know it.

mod body;
mod framing;
mod head;

pub(super) use framing::{Framing, Part};
pub(super) use head::Head;
