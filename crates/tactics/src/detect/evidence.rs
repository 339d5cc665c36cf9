//! What follows from a pull and a push detector together: they fail for different reasons.

use super::standing::Standing;

/// What is known of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What its own heartbeats say: whether the process lives.
    pub push: Standing,
    /// What echoes say: whether path, queue and process do.
    pub pull: Standing,
    /// How many of its peers reach it, if they have been asked since the heartbeat went missing.
    pub peers_reach_it: Option<usize>,
}

/// What to do about a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing.
    Keep,
    /// Look closer; change nothing.
    Watch,
    /// Send it less. It lives: the path to it or its load is the trouble, and a failover would
    /// make two of it.
    Degrade,
    /// Ask at least two peers to echo it: one silent channel is too little to act on (SWIM).
    AskPeers,
    /// Take it for dead: fence it, and fail over.
    Remove,
}

impl Evidence {
    /// What to do.
    pub fn advice(self) -> Advice {
        use Standing::{Down, Suspect, Up};
        match (self.push, self.pull) {
            (Up, Up) => Advice::Keep,
            (Up | Suspect, Suspect) | (Suspect, Up) => Advice::Watch,
            (Up | Suspect, Down) => Advice::Degrade,
            (Down, Up | Suspect) => match self.peers_reach_it {
                None => Advice::AskPeers,
                Some(0) => Advice::Remove,
                // It lives and its heartbeats do not arrive: theirs is the path that is broken.
                Some(_) => Advice::Watch,
            },
            (Down, Down) => Advice::Remove,
        }
    }
}
