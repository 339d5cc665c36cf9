//! The toxics that there are. The compiler asks for every one of them in each `match`.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::pipe::Pipe;
use super::{
    Bandwidth, Down, HttpSlowHeader, HttpStatus, Latency, LimitData, Noop, ResetPeer, Slicer,
    SlowClose, Timeout,
};

/// What a toxic does, with its attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "attributes", rename_all = "snake_case")]
pub enum ToxicKind {
    Latency(Latency),
    Bandwidth(Bandwidth),
    SlowClose(SlowClose),
    Timeout(Timeout),
    ResetPeer(ResetPeer),
    Slicer(Slicer),
    LimitData(LimitData),
    Noop(Noop),
    Down(Down),
    HttpStatus(HttpStatus),
    HttpSlowHeader(HttpSlowHeader),
}

impl ToxicKind {
    /// Its name in Toxiproxy's API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::SlowClose(_) => "slow_close",
            Self::Timeout(_) => "timeout",
            Self::ResetPeer(_) => "reset_peer",
            Self::Slicer(_) => "slicer",
            Self::LimitData(_) => "limit_data",
            Self::Noop(_) => "noop",
            Self::Down(_) => "down",
            Self::HttpStatus(_) => "http_status",
            Self::HttpSlowHeader(_) => "http_slow_header",
        }
    }
}

/// What a toxic remembers of one direction of one connection. It never holds bytes: those stay in
/// its input queue, so that a toxic can be taken out of the chain at any moment.
#[derive(Debug, Default)]
pub enum State {
    #[default]
    None,
    Latency(super::latency::State),
}

impl State {
    /// Moves from `pipe.input` to `pipe.output` what is due; answers when to look again although
    /// nothing comes in.
    pub(crate) fn run(&mut self, kind: &ToxicKind, pipe: &mut Pipe<'_>) -> Option<Instant> {
        match (kind, self) {
            (ToxicKind::Latency(toxic), state) => toxic.run(state.latency(), pipe),
            (ToxicKind::Noop(_), _) => {
                pipe.pass_all();
                None
            }
            _ => {
                pipe.pass_all();
                None
            }
        }
    }

    fn latency(&mut self) -> &mut super::latency::State {
        if !matches!(self, Self::Latency(_)) {
            *self = Self::Latency(super::latency::State::default());
        }
        match self {
            Self::Latency(state) => state,
            Self::None => unreachable!("set above"),
        }
    }
}
