//! `bandwidth`: at most so many bytes per second.
//!
//! Every slice has a due time that follows from the one before it, not from when somebody came to
//! look: timers that fire late cost nothing of the rate.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;

/// The longest that bytes which could go wait for others of their chunk, as in Toxiproxy.
const SLICE_MS_MAX: u64 = 100;

/// How much lateness is made up for, so that a long stall does not end in a flood.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);

/// Bytes that come so soon after the last ones left belong to the same stream: reading and writing
/// takes time as well, and at 100 MB/s that is a twentieth of it.
const READ_AFTER_MAX: Duration = Duration::from_millis(2);

/// Limits the rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// Kilobytes (1000 bytes) per second; 0 lets nothing through.
    pub rate: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Bandwidth,
    /// While something waits: when the slice before it was due.
    free_at: Option<Instant>,
    /// When the last slice left, and by how much it was late.
    left: Option<(Instant, Duration)>,
}

impl Running {
    pub(super) fn new(toxic: Bandwidth) -> Self {
        Self { toxic, free_at: None, left: None }
    }

    /// When the first slice after nothing waited starts to count.
    fn start_after_idle(&self, now: Instant) -> Instant {
        let Some((left_at, late)) = self.left else { return now };
        let gap = now.saturating_duration_since(left_at);
        let credit = if gap <= READ_AFTER_MAX { late + gap } else { late };
        now.checked_sub(credit.min(CATCH_UP_MAX)).unwrap_or(now)
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        let bytes_per_ms = u64::try_from(self.toxic.rate).unwrap_or(0);
        if bytes_per_ms == 0 {
            pipe.pass_end();
            return None;
        }
        let slice_max = usize::try_from(bytes_per_ms.saturating_mul(SLICE_MS_MAX));
        let slice_max = slice_max.unwrap_or(usize::MAX);
        let mut free_at = self.free_at.take().unwrap_or_else(|| self.start_after_idle(pipe.now));
        let begun_at = free_at;
        while let Some(head) = pipe.input.front() {
            let slice = head.bytes.len().min(slice_max);
            let takes_ns = (slice as u64).saturating_mul(1_000_000) / bytes_per_ms;
            let due = free_at + Duration::from_nanos(takes_ns);
            if due > pipe.now {
                self.free_at = Some(free_at);
                return Some(due);
            }
            pipe.pass_delayed(slice, due);
            free_at = due;
        }
        // A look that found nothing is no reason for credit.
        if free_at > begun_at {
            let late = pipe.now.saturating_duration_since(free_at).min(CATCH_UP_MAX);
            self.left = Some((pipe.now, late));
        }
        pipe.pass_end();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, downstream, ms};
    use super::super::{Toxic, ToxicKind};
    use super::*;
    use crate::link::End;

    fn bandwidth(rate: i64) -> Toxic {
        downstream(ToxicKind::Bandwidth(Bandwidth { rate }))
    }

    #[test]
    fn takes_as_long_as_the_rate_says() {
        // Toxiproxy's own test: 480 kB at 1 MB/s.
        let mut bench = Bench::under([bandwidth(1000)]);
        let sent = b"hello world ".repeat(40_000);
        bench.send(sent.clone());
        bench.wait(ms(500));
        assert_eq!(bench.received(), sent);
        assert_eq!(bench.last_at(), ms(480));
    }

    #[test]
    fn the_rate_holds_with_late_timers() {
        for rate in [1, 7, 100, 1000, 20_000, 100_000] {
            let mut bench = Bench::under([bandwidth(rate)]).with_late_timers(ms(1));
            // Less time for high rates: so many bytes take a while without optimisation.
            let takes_ms: u64 = if rate > 1000 { 200 } else { 1000 };
            let bytes = usize::try_from(rate).unwrap() * usize::try_from(takes_ms).unwrap();
            bench.send(vec![1; bytes]);
            bench.wait(ms(2000));
            assert_eq!(bench.received().len(), bytes, "{rate} kB/s");
            let took = bench.last_at();
            let expected = ms(takes_ms - 1)..=ms(takes_ms + 2);
            assert!(expected.contains(&took), "{rate} kB/s took {took:?}");
        }
    }

    #[test]
    fn bytes_come_in_slices_of_a_tenth_of_a_second() {
        let mut bench = Bench::under([bandwidth(1)]);
        bench.send(vec![1; 250]);
        bench.wait(ms(1000));
        let came: Vec<_> = bench.arrivals.iter().map(|a| (a.at, a.bytes.len())).collect();
        assert_eq!(came, [(ms(100), 100), (ms(200), 100), (ms(250), 50)]);
    }

    #[test]
    fn time_in_which_nothing_came_is_no_credit() {
        let mut bench = Bench::under([bandwidth(100)]);
        bench.wait(ms(10_000));
        bench.send(vec![1; 100_000]);
        bench.wait(ms(2000));
        assert_eq!(bench.last_at(), ms(11_000));
    }

    #[test]
    fn no_rate_holds_all_and_the_sender_feels_it() {
        for rate in [0, -1, i64::MIN] {
            let mut bench = Bench::under([bandwidth(rate)]);
            bench.send(vec![1; 1_000_000]);
            bench.wait(ms(60_000));
            assert_eq!((bench.received().len(), bench.link.room()), (0, 0), "{rate} kB/s");
        }
    }

    #[test]
    fn a_new_rate_counts_from_when_it_is_there() {
        let mut bench = Bench::under([bandwidth(0)]);
        bench.send(vec![1; 50_000]);
        bench.send_end(End::Finish);
        bench.wait(ms(10_000));
        bench.change(0, |toxic| toxic.kind = ToxicKind::Bandwidth(Bandwidth { rate: 50 }));
        bench.wait(ms(2000));
        assert_eq!(bench.last_at(), ms(11_000));
        assert_eq!(bench.end, Some((ms(11_000), End::Finish)));
    }

    #[test]
    fn an_absurd_rate_is_no_limit() {
        let mut bench = Bench::under([bandwidth(i64::MAX)]);
        bench.send(vec![1; 1_000_000]);
        assert_eq!(bench.received().len(), 1_000_000);
    }
}
