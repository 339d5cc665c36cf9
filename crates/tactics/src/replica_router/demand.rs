//! What a read asks of the copy that answers it, and what a session has seen.

use std::time::Duration;

use crate::session_token::LogPosition;

/// How recent an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// All that was committed before: only the primary can say so.
    Strong,
    /// What was committed up to here, such as the reader's own write.
    AtLeast(LogPosition),
    /// All that was acknowledged this long ago.
    MaxLag(Duration),
    /// What some copy shows.
    Any,
}

/// A read, before it is known who answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What it asks for.
    pub demand: Demand,
    /// What its session has seen; [`LogPosition::START`] for a reader without a session.
    pub floor: LogPosition,
}

impl Wish {
    /// Who answers must show everything up to here.
    pub fn required(self) -> LogPosition {
        match self.demand {
            Demand::AtLeast(token) => token.max(self.floor),
            Demand::Strong | Demand::MaxLag(_) | Demand::Any => self.floor,
        }
    }
}

impl From<Demand> for Wish {
    fn from(demand: Demand) -> Self {
        Self { demand, floor: LogPosition::START }
    }
}

/// What an answer shows, for sure.
///
/// A server's position moves while it answers, so that one number is wrong in one direction or the
/// other. Take `at_least` before the read's snapshot and `at_most` after it: with
/// `pg_last_wal_replay_lsn()` on a replica, with `pg_current_wal_insert_lsn()` on the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Everything up to here is in the answer.
    pub at_least: LogPosition,
    /// Nothing behind this is in it.
    pub at_most: LogPosition,
}

impl Shown {
    /// A position that did not move between before and after.
    pub fn exactly(position: LogPosition) -> Self {
        Self { at_least: position, at_most: position }
    }
}

/// What one client has seen and written: its reads never go back behind that, whichever replica
/// answers. To be kept by the client, as the text of its [`Session::token`].
///
/// ```
/// use standfast_tactics::replica_router::{Demand, Session, Shown};
/// use standfast_tactics::session_token::LogPosition;
///
/// let mut session = Session::default();
/// session.wrote("0/30".parse()?);
/// assert_eq!(session.wish(Demand::Any).required(), "0/30".parse()?, "its own write");
/// session.saw(Shown { at_least: "0/38".parse()?, at_most: "0/40".parse()? });
/// assert_eq!(session.wish(Demand::Any).required(), "0/40".parse()?, "it may have seen this");
/// # Ok::<(), standfast_tactics::session_token::PositionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    floor: LogPosition,
}

impl Session {
    /// Goes on from a token. A client can claim any: what no replica has come to, the primary
    /// answers, and that is paid from the router's budget.
    pub fn resumed(token: LogPosition) -> Self {
        Self { floor: token }
    }

    /// What it has seen so far.
    pub fn token(&self) -> LogPosition {
        self.floor
    }

    /// A read of this session.
    pub fn wish(&self, demand: Demand) -> Wish {
        Wish { demand, floor: self.floor }
    }

    /// It wrote, and the commit ended here.
    pub fn wrote(&mut self, commit: LogPosition) {
        self.floor = self.floor.advance(commit);
    }

    /// It was answered.
    pub fn saw(&mut self, shown: Shown) {
        self.floor = self.floor.advance(shown.at_most);
    }
}
