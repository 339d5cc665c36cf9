//! `limit_data`: the connection closes after so many bytes.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::effect::Effect;
use super::pipe::Pipe;
use crate::link::End;

/// Closes when the limit is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitData {
    /// Counted from the connection's first byte under this toxic, changes of it or not.
    pub bytes: i64,
}

impl Effect for LimitData {
    fn run(&mut self, pipe: &mut Pipe<'_>) -> Option<Instant> {
        if pipe.input.is_empty() {
            pipe.pass_end();
            return None;
        }
        let limit = u64::try_from(self.bytes).unwrap_or(0);
        let left = limit.saturating_sub(*pipe.passed_bytes);
        pipe.pass(usize::try_from(left).unwrap_or(usize::MAX));
        if *pipe.passed_bytes >= limit {
            pipe.close(End::Close);
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

    fn limit_data(bytes: i64) -> Toxic {
        downstream(ToxicKind::LimitData(LimitData { bytes }))
    }

    fn check(limit: i64, sent: &[usize], received: &[usize], closes: bool) {
        let mut bench = Bench::under([limit_data(limit)]);
        for length in sent {
            bench.send(vec![1; *length]);
        }
        let came: Vec<_> = bench.arrivals.iter().map(|arrival| arrival.bytes.len()).collect();
        assert_eq!(came, received, "limit {limit}, sent {sent:?}");
        assert_eq!(bench.end.map(|(_, end)| end), closes.then_some(End::Close));
        let sum = |lengths: &[usize]| lengths.iter().sum::<usize>() as u64;
        let tally = bench.tally(0);
        assert_eq!(tally.bytes, sum(sent));
        assert_eq!(tally.dropped_bytes, sum(sent) - sum(received));
    }

    #[test]
    fn closes_at_its_limit_and_not_before() {
        check(100, &[50], &[50], false);
        check(100, &[100], &[100], true);
        check(100, &[150], &[100], true);
        check(100, &[25, 25, 25, 25], &[25, 25, 25, 25], true);
        check(100, &[90, 20], &[90, 10], true);
        check(100, &[150, 30], &[100], true);
        check(0, &[100], &[], true);
        check(-7, &[100], &[], true);
        check(0, &[], &[], false);
    }

    #[test]
    fn what_it_counted_outlives_a_change() {
        let mut bench = Bench::under([limit_data(100)]);
        bench.send(vec![1; 90]);
        bench.change(0, |toxic| *toxic = limit_data(120));
        bench.send(vec![1; 50]);
        assert_eq!(bench.received().len(), 120);
        assert_eq!(bench.end, Some((ms(0), End::Close)));
    }

    #[test]
    fn an_end_before_the_limit_passes() {
        let mut bench = Bench::under([limit_data(100)]);
        bench.send("hello");
        bench.send_end(End::Finish);
        assert_eq!(bench.end, Some((ms(0), End::Finish)));
    }
}
