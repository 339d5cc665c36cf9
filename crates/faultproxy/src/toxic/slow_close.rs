//! `slow_close`: the end of the stream comes late.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;

/// Delays only the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: SlowClose,
    /// When the end came.
    ended_at: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: SlowClose) -> Self {
        Self { toxic, ended_at: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        pipe.pass_bytes();
        pipe.input.pending_end()?;
        let ended_at = *self.ended_at.get_or_insert(pipe.now);
        let due = ended_at + delay::of_milliseconds(self.toxic.delay);
        if due > pipe.now {
            return Some(due);
        }
        pipe.pass_end();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToxicKind;
    use super::super::bench::{Bench, downstream, ms};
    use super::*;
    use crate::link::End;

    #[test]
    fn delays_the_end_and_no_byte() {
        for (delay, expected) in [(250, ms(260)), (0, ms(10)), (-1, ms(10))] {
            let toxic = downstream(ToxicKind::SlowClose(SlowClose { delay }));
            let mut bench = Bench::under([toxic]);
            bench.wait(ms(10));
            bench.send("hello");
            bench.send_end(End::Finish);
            bench.wait(ms(1000));
            assert_eq!(bench.last_at(), ms(10));
            assert_eq!(bench.end, Some((expected, End::Finish)), "{delay} ms");
        }
    }

    #[test]
    fn taken_away_it_lets_the_end_go() {
        let toxic = downstream(ToxicKind::SlowClose(SlowClose { delay: 60_000 }));
        let mut bench = Bench::under([toxic]);
        bench.send_end(End::Finish);
        bench.wait(ms(100));
        bench.remove(0);
        assert_eq!(bench.end, Some((ms(100), End::Finish)));
    }
}
