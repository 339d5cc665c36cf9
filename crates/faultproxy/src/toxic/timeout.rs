//! `timeout`: what comes is dropped, and the connection closed after a while.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Drops all and closes then; taking it away closes as well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds; 0 never closes.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Timeout,
    /// When it began to act on this connection.
    since: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: Timeout) -> Self {
        Self { toxic, since: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let since = *self.since.get_or_insert(pipe.now);
        pipe.drop_bytes(usize::MAX);
        match pipe.input.take_end() {
            None => {}
            // Bytes before it are missing: whoever still waits for an answer waits in vain.
            Some(End::Finish | End::Close) => pipe.close(End::Close),
            Some(End::Reset) => pipe.close(End::Reset),
        }
        if self.toxic.timeout <= 0 || pipe.output.has_ended() {
            return None;
        }
        let due = since + delay::of_milliseconds(self.toxic.timeout);
        if due > pipe.now {
            return Some(due);
        }
        pipe.close(End::Close);
        None
    }

    fn closes_when_removed(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, downstream, ms};
    use super::super::{Toxic, ToxicKind};
    use super::*;

    fn timeout(timeout: i64) -> Toxic {
        downstream(ToxicKind::Timeout(Timeout { timeout }))
    }

    #[test]
    fn drops_all_and_closes_after_its_time_whatever_comes() {
        let mut bench = Bench::under([timeout(100)]);
        for _ in 0..4 {
            bench.send("hello");
            bench.wait(ms(40));
        }
        assert_eq!(bench.received_text(), "");
        assert_eq!(bench.end, Some((ms(100), End::Close)), "data does not put it off");
        let tally = bench.tally(0);
        assert_eq!((tally.connections, tally.bytes, tally.dropped_bytes), (1, 20, 20));
    }

    #[test]
    fn none_drops_for_ever() {
        for never in [0, -1] {
            let mut bench = Bench::under([timeout(never)]);
            bench.send("hello");
            bench.wait(ms(1_000_000));
            assert_eq!((bench.received_text().as_str(), bench.end), ("", None));
        }
    }

    #[test]
    fn taking_it_away_closes() {
        let mut bench = Bench::under([timeout(0)]);
        bench.wait(ms(10));
        bench.change(0, |toxic| toxic.kind = ToxicKind::Timeout(Timeout { timeout: 10_000 }));
        bench.remove(0);
        assert_eq!(bench.end, Some((ms(10), End::Close)));
    }

    #[test]
    fn taking_it_away_concerns_nobody_whom_it_did_not_hit() {
        let mut bench = Bench::under([Toxic { toxicity: 0.0, ..timeout(100) }]);
        bench.send("hello");
        bench.wait(ms(1000));
        bench.remove(0);
        assert_eq!((bench.received_text().as_str(), bench.end), ("hello", None));
    }

    #[test]
    fn the_end_of_the_sender_closes() {
        for (sent, expected) in [(End::Finish, End::Close), (End::Reset, End::Reset)] {
            let mut bench = Bench::under([timeout(0)]);
            bench.send_end(sent);
            assert_eq!(bench.end, Some((ms(0), expected)));
        }
    }

    #[test]
    fn a_change_of_toxicity_applies_to_a_live_connection() {
        // Toxiproxy's own test of toxicity.
        let mut bench = Bench::under([Toxic { toxicity: 0.0, ..timeout(0) }]);
        bench.send("first");
        bench.change(0, |toxic| *toxic = timeout(100));
        bench.send("second");
        bench.wait(ms(150));
        assert_eq!(bench.received_text(), "first");
        assert_eq!(bench.end, Some((ms(100), End::Close)));
    }
}
