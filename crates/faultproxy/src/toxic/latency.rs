//! `latency`: every chunk comes later, and as many of them per second as before.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::delay;
use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::Draw;

/// Delays what passes. Stacked latencies add up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Milliseconds.
    pub latency: i64,
    /// Milliseconds; each chunk is delayed by `latency` ± a random part of it.
    pub jitter: i64,
}

#[derive(Debug)]
pub(super) struct Running {
    toxic: Latency,
    /// When the chunk at the head is due: drawn once, when it gets there.
    due: Option<Instant>,
}

impl Running {
    pub(super) fn new(toxic: Latency) -> Self {
        Self { toxic, due: None }
    }
}

impl Effect for Running {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        while let Some(head) = pipe.input.front() {
            let due = *self.due.get_or_insert_with(|| head.at + self.toxic.delay(pipe.draw));
            if due > pipe.now {
                return Some(due);
            }
            self.due = None;
            pipe.pass_delayed(head.bytes.len(), due);
        }
        pipe.pass_end();
        None
    }

    fn is_in_flight(&self) -> bool {
        true
    }
}

impl Latency {
    fn delay(&self, draw: &mut Draw) -> Duration {
        let jitter = self.jitter.max(0);
        let spread = if jitter > 0 { draw.below(2 * jitter.unsigned_abs()) } else { 0 };
        let spread = i64::try_from(spread).unwrap_or(i64::MAX);
        delay::of_milliseconds(self.latency.saturating_add(spread).saturating_sub(jitter))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, downstream, ms};
    use super::super::{Toxic, ToxicKind};
    use super::*;
    use crate::link::End;

    fn latency(latency: i64, jitter: i64) -> Toxic {
        downstream(ToxicKind::Latency(Latency { latency, jitter }))
    }

    fn check_delay(latencies: &[i64], expected: Duration) {
        let toxics = latencies.iter().enumerate();
        let toxics = toxics.map(|(index, each)| latency(*each, 0).named(format!("l{index}")));
        let mut bench = Bench::under(toxics);
        bench.send("hello");
        bench.wait(expected.saturating_sub(ms(1)));
        assert_eq!(bench.received_text().is_empty(), !expected.is_zero(), "{latencies:?}");
        bench.wait(ms(1));
        assert_eq!(bench.received_text(), "hello", "{latencies:?}");
    }

    #[test]
    fn delays_by_what_it_says_and_stacked_ones_add_up() {
        check_delay(&[100], ms(100));
        check_delay(&[100; 10], ms(1000));
        check_delay(&[1000, 100], ms(1100));
        check_delay(&[0], ms(0));
        check_delay(&[-5], ms(0));
        check_delay(&[i64::MIN, 100], ms(100));
    }

    #[test]
    fn late_timers_do_not_add_up() {
        let toxics = (0..10).map(|index| latency(100, 0).named(format!("l{index}")));
        let mut bench = Bench::under(toxics).with_late_timers(ms(3));
        bench.send("hello");
        bench.wait(ms(1100));
        assert_eq!(bench.last_at(), ms(1003), "the last timer is late, the others are made up for");
    }

    #[test]
    fn jitter_goes_both_ways_and_no_further() {
        let delays: Vec<_> = (0..1000)
            .map(|number| {
                let mut bench = Bench::connection(number, [latency(100, 40)]);
                bench.send("hello");
                bench.wait(ms(1000));
                bench.last_at()
            })
            .collect();
        assert!(delays.iter().all(|delay| (ms(60)..ms(140)).contains(delay)));
        let early = delays.iter().filter(|delay| **delay < ms(100)).count();
        // 500 expected; six standard deviations of a fair coin are 95.
        assert!((405..=595).contains(&early), "{early} of 1000 below the middle");
    }

    #[test]
    fn the_order_stays_under_jitter() {
        let mut bench = Bench::under([latency(100, 100)]);
        let sent: Vec<u8> = (0..200).collect();
        for byte in &sent {
            bench.send(vec![*byte]);
            bench.wait(ms(1));
        }
        bench.send_end(End::Finish);
        bench.wait(ms(400));
        assert_eq!(bench.received(), sent);
        assert_eq!(bench.end.map(|(_, end)| end), Some(End::Finish));
    }

    #[test]
    fn as_much_per_second_comes_through_as_before() {
        let mut bench = Bench::under([latency(100, 0)]);
        let sent = vec![7; 12_000_000];
        bench.send(sent.clone());
        bench.wait(ms(100));
        assert_eq!(bench.received(), sent, "12 MB were under way at once");
        assert_eq!(bench.arrivals[0].at, ms(100));
    }

    #[test]
    fn a_change_applies_to_what_is_under_way() {
        let mut bench = Bench::under([latency(10_000, 0)]);
        bench.send("hello");
        bench.wait(ms(50));
        let kind = ToxicKind::Latency(Latency { latency: 100, jitter: 0 });
        bench.change(0, |toxic| toxic.kind = kind);
        bench.wait(ms(100));
        assert_eq!(bench.last_at(), ms(100));
    }
}
