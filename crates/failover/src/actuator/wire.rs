//! What goes over an actuator's socket: one request per line, one answer per line, both JSON.
//!
//! A connection carries any number of requests, one after the other. Requests for one node are
//! performed one at a time, in the order of their arrival, whichever connection brought them, and
//! one that was begun is finished even when its connection ends: a watchdog that was killed in the
//! middle of a fence finds its successor's fence waiting behind it, and never a process between.

use serde::{Deserialize, Serialize};

/// The environment variable by which a watchdog learns the path of its actuator's socket.
pub const SOCKET_VARIABLE: &str = "STANDFAST_ACTUATOR";

/// No line is longer: a reader may give up there.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Is it there? Answers [`Answer::Running`] or [`Answer::Stopped`].
    Status { node: String },
    /// Kills the whole process tree by SIGKILL, waits until every process of it is gone and the
    /// port refuses, and marks the data folder so that whoever starts it by hand gets a read-only
    /// standby. It stays stopped. Idempotent. Answers [`Answer::Fenced`], never before it is
    /// proved.
    Fence { node: String },
    /// The same of a node that nobody uses any more: it may be stopped in order before, so that it
    /// need not recover from a crash, but not for long. An actuator that does not know this verb
    /// is asked for a fence. Answers [`Answer::Fenced`].
    Retire { node: String },
    /// Starts a node that is stopped as what its folder says, or as a replica of `follow`; a node
    /// that runs is made to follow `follow`. Answers [`Answer::Running`] as soon as the process is
    /// there: whether it is ready, its watchdog asks itself.
    Start {
        node: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follow: Option<String>,
    },
    /// Kills what is left of the node, takes the mark of a fence away, and starts it as the primary
    /// that it was: its crash recovery keeps every acknowledged write. Answers [`Answer::Running`].
    Restart { node: String },
    /// Makes a stopped node that once was primary a running replica of `from`: without a copy of
    /// all data where its own can be used, else with one. Answers [`Answer::Rejoined`].
    Rejoin { node: String, from: String },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// The process is there. `started` tells it from another of the same number: ticks since boot,
    /// as in the 22nd field of `/proc/PID/stat`.
    Running { pid: u32, started: u64 },
    /// No process is there.
    Stopped,
    /// It is gone and stays so. `evidence` says how that was seen, for people and for the journal.
    Fenced { evidence: String },
    /// It runs as a replica.
    Rejoined { how: Rejoining },
    /// It could not be done. What is true of the node now has to be asked.
    Failed { problem: String },
}

/// How a node became a replica again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rejoining {
    /// What it had written beyond the others was taken back (`pg_rewind`, or a truncated binlog).
    Rewound,
    /// It had nothing beyond the others, and follows from where it was.
    Replayed,
    /// It was given a copy of all data.
    Cloned,
}

impl Request {
    /// The node that it is about.
    pub fn node(&self) -> &str {
        match self {
            Self::Status { node }
            | Self::Fence { node }
            | Self::Retire { node }
            | Self::Start { node, .. }
            | Self::Restart { node }
            | Self::Rejoin { node, .. } => node,
        }
    }

    /// The word for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Fence { .. } => "fence",
            Self::Retire { .. } => "retire",
            Self::Start { .. } => "start",
            Self::Restart { .. } => "restart",
            Self::Rejoin { .. } => "rejoin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_that_a_person_can_write() {
        let fence = Request::Fence { node: "orders-a".to_owned() };
        let line = serde_json::to_string(&fence).unwrap();
        assert_eq!(line, r#"{"verb":"fence","node":"orders-a"}"#);
        let start: Request = serde_json::from_str(r#"{"verb":"start","node":"orders-b"}"#).unwrap();
        assert_eq!(start, Request::Start { node: "orders-b".to_owned(), follow: None });
        assert_eq!((start.verb(), start.node()), ("start", "orders-b"));
    }

    #[test]
    fn an_answer_with_an_unknown_field_is_refused() {
        let answer = r#"{"answer":"rejoined","how":"rewound"}"#;
        let read: Answer = serde_json::from_str(answer).unwrap();
        assert_eq!(read, Answer::Rejoined { how: Rejoining::Rewound });
        let odd = r#"{"answer":"rejoined","how":"rewound","bytes":7}"#;
        assert!(serde_json::from_str::<Answer>(odd).is_err());
    }
}
