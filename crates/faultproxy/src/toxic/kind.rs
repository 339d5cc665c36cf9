//! The toxics that there are. The compiler asks for every one of them in each `match`: whoever adds
//! a variant is told what is missing.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::{
    Bandwidth, Direction, Down, HttpSlowHeader, HttpStatus, Latency, LimitData, Noop, ResetPeer,
    Slicer, SlowClose, Timeout, bandwidth, http_slow_header, http_status, latency, reset_peer,
    slicer, slow_close, timeout,
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

    /// Its effect on one direction of one connection, which remembers nothing yet.
    pub(crate) fn start(&self, direction: Direction) -> Box<dyn Effect> {
        match self.clone() {
            Self::Latency(toxic) => Box::new(latency::Running::new(toxic)),
            Self::Bandwidth(toxic) => Box::new(bandwidth::Running::new(toxic)),
            Self::SlowClose(toxic) => Box::new(slow_close::Running::new(toxic)),
            Self::Timeout(toxic) => Box::new(timeout::Running::new(toxic)),
            Self::ResetPeer(toxic) => Box::new(reset_peer::Running::new(toxic)),
            Self::Slicer(toxic) => Box::new(slicer::Running::new(toxic)),
            Self::LimitData(toxic) => Box::new(toxic),
            Self::Noop(toxic) => Box::new(toxic),
            Self::Down(toxic) => Box::new(toxic),
            Self::HttpStatus(toxic) => Box::new(http_status::Running::new(toxic, direction)),
            Self::HttpSlowHeader(toxic) => {
                Box::new(http_slow_header::Running::new(toxic, direction))
            }
        }
    }
}
