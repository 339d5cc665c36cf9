//! Toxics: what can be done to the bytes of one direction of a connection.
//!
//! One file per toxic holds its attributes, its state per connection and its test. The contract
//! that all of them keep is in `README.md` beside this file.

mod bandwidth;
mod client_match;
mod delay;
mod down;
mod effect;
mod http;
mod http_slow_header;
mod http_status;
mod kind;
mod latency;
mod limit_data;
mod noop;
mod pipe;
mod reset_peer;
mod schedule;
mod slicer;
mod slow_close;
mod stream;
mod timeout;

#[cfg(test)]
pub(crate) mod bench;

pub use bandwidth::Bandwidth;
pub use client_match::{ClientMatch, ClientMatchError};
pub use down::Down;
pub use http_slow_header::HttpSlowHeader;
pub use http_status::HttpStatus;
pub use kind::ToxicKind;
pub use latency::Latency;
pub use limit_data::LimitData;
pub use noop::Noop;
pub use reset_peer::ResetPeer;
pub use schedule::{Activity, Schedule, ScheduleError, Window};
pub use slicer::Slicer;
pub use slow_close::SlowClose;
pub use stream::{Direction, Stream, UnknownStream};
pub use timeout::Timeout;

pub(crate) use effect::Effect;
pub(crate) use pipe::Pipe;

/// A toxic as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Toxic {
    /// Unique among the toxics of its proxy, over both streams.
    pub name: String,
    pub stream: Stream,
    /// The share of connections that it hits, 0 to 1.
    pub toxicity: f32,
    pub kind: ToxicKind,
    /// Which clients it hits.
    pub client: ClientMatch,
    /// When it is active; always when there is none.
    pub schedule: Option<Schedule>,
}

impl Toxic {
    /// A toxic that hits every connection, always, called as Toxiproxy calls one without a name.
    pub fn new(kind: ToxicKind, direction: Direction) -> Self {
        let stream = Stream::from(direction);
        Self {
            name: format!("{}_{}", kind.name(), stream.written()),
            stream,
            toxicity: 1.0,
            kind,
            client: ClientMatch::Any,
            schedule: None,
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}
