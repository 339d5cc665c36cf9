//! Which way bytes flow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which way bytes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the client to the server: requests.
    Upstream,
    /// From the server to the client: answers.
    Downstream,
}

impl Direction {
    pub const ALL: [Self; 2] = [Self::Upstream, Self::Downstream];

    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The direction as somebody wrote it: Toxiproxy takes any case, and gives back what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    direction: Direction,
    written: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream was invalid, can be either upstream or downstream")]
pub struct UnknownStream;

impl Stream {
    pub fn direction(&self) -> Direction {
        self.direction
    }

    pub fn written(&self) -> &str {
        &self.written
    }
}

impl From<Direction> for Stream {
    fn from(direction: Direction) -> Self {
        Self { direction, written: direction.name().to_owned() }
    }
}

impl FromStr for Stream {
    type Err = UnknownStream;

    fn from_str(written: &str) -> Result<Self, UnknownStream> {
        let known =
            Direction::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(written));
        let direction = known.ok_or(UnknownStream)?;
        Ok(Self { direction, written: written.to_owned() })
    }
}
