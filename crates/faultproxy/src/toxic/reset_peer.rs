//! `reset_peer`: the connection is reset, as by a peer that has forgotten it.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Answers the first data, or the end, with a reset (RST).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds from there on.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: ResetPeer,
    /// When the first data or the end came.
    since: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: ResetPeer) -> Self {
        Self { toxic, since: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        if pipe.input.is_empty() && pipe.input.pending_end().is_none() {
            return None;
        }
        let since = *self.since.get_or_insert(pipe.now);
        let due = since + delay::of_milliseconds(self.toxic.timeout);
        if due > pipe.now {
            return Some(due);
        }
        pipe.close(End::Reset);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, downstream, ms};
    use super::super::{Toxic, ToxicKind};
    use super::*;

    fn reset_peer(timeout: i64) -> Toxic {
        downstream(ToxicKind::ResetPeer(ResetPeer { timeout }))
    }

    #[test]
    fn resets_so_long_after_the_first_data() {
        for (timeout, expected) in [(100, ms(150)), (0, ms(50)), (-1, ms(50))] {
            let mut bench = Bench::under([reset_peer(timeout)]);
            bench.wait(ms(50));
            bench.send("hello");
            bench.wait(ms(10));
            bench.send("again");
            bench.wait(ms(500));
            assert_eq!(bench.received_text(), "");
            assert_eq!(bench.end, Some((expected, End::Reset)), "{timeout} ms");
            assert_eq!(bench.tally(0).dropped_bytes, 10);
        }
    }

    #[test]
    fn waits_for_data_or_the_end() {
        let mut bench = Bench::under([reset_peer(0)]);
        bench.wait(ms(1000));
        assert_eq!(bench.end, None);
        bench.send_end(End::Finish);
        assert_eq!(bench.end, Some((ms(1000), End::Reset)));
    }

    #[test]
    fn resets_a_connection_that_was_there_before() {
        let mut bench = Bench::under([]);
        bench.send("hello");
        bench.add(reset_peer(0));
        bench.send("again");
        assert_eq!(bench.received_text(), "hello");
        assert_eq!(bench.end, Some((ms(0), End::Reset)));
    }

    #[test]
    fn whom_it_does_not_hit_it_does_not_touch() {
        let mut bench = Bench::under([Toxic { toxicity: 0.0, ..reset_peer(0) }]);
        bench.send("hello");
        bench.send_end(End::Finish);
        assert_eq!(bench.received_text(), "hello");
        assert_eq!(bench.end, Some((ms(0), End::Finish)));
    }
}
