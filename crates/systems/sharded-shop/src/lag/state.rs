//! Which marker was committed when, and when each replica showed it. Pure: callers pass the time.
//!
//! A replica that shows a marker shows all before it. It may show one before the client has heard
//! of its commit; that is a lag of nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::distribution::Distribution;

/// Markers that a replica has not shown: beyond it is away, and not behind.
const OPEN_MAX: usize = 100_000;

/// How long the greatest lag counts as a recent one.
const RECENT: Duration = Duration::from_secs(1);

/// What is known of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeLag {
    pub(super) is_replica: bool,
    /// The newest marker that it showed.
    shown: i64,
    /// Committed, and not shown yet, the oldest first.
    open: VecDeque<(i64, Instant)>,
    /// Since the load began.
    pub(super) all: Distribution,
    /// The greatest lag of each second of the load, with how many markers were shown in it.
    pub(super) seconds: BTreeMap<u64, (Duration, u32)>,
    /// What was shown lately, and how late.
    recent: VecDeque<(Instant, Duration)>,
}

/// The markers of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Markers {
    /// Since when lags count.
    begun: Option<Instant>,
    pub(super) nodes: Vec<NodeLag>,
}

impl Markers {
    pub(super) fn new(nodes: usize) -> Self {
        Self { begun: None, nodes: vec![NodeLag::default(); nodes] }
    }

    /// The lags of what is committed `from` then on count.
    pub(super) fn begin(&mut self, from: Instant) {
        self.begun.get_or_insert(from);
    }

    pub(super) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// The commit of a marker was acknowledged.
    pub(super) fn committed(&mut self, marker: i64, now: Instant) {
        let begun = self.begun;
        for node in self.nodes.iter_mut().filter(|node| node.is_replica) {
            if node.shown >= marker {
                node.record(begun, now, Duration::ZERO);
            } else if node.open.len() < OPEN_MAX {
                node.open.push_back((marker, now));
            }
        }
    }

    /// A node showed `marker` at `now`, and said whether it is a replica.
    pub(super) fn showed(&mut self, node: usize, marker: i64, is_replica: bool, now: Instant) {
        let begun = self.begun;
        let node = &mut self.nodes[node];
        node.is_replica = is_replica;
        if !is_replica {
            node.open.clear();
            return;
        }
        node.shown = node.shown.max(marker);
        while let Some((_, at)) = node.open.front().copied().filter(|(open, _)| *open <= marker) {
            node.open.pop_front();
            node.record(begun, now, now.saturating_duration_since(at));
        }
    }
}

impl NodeLag {
    fn record(&mut self, begun: Option<Instant>, now: Instant, lag: Duration) {
        self.recent.push_back((now, lag));
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > RECENT) {
            self.recent.pop_front();
        }
        let Some(begun) = begun.filter(|begun| now >= *begun + lag) else { return };
        self.all.add(lag);
        let second = now.saturating_duration_since(begun).as_secs();
        let (greatest, count) = self.seconds.entry(second).or_default();
        *greatest = lag.max(*greatest);
        *count += 1;
    }

    /// The greatest lag of the last second, or that of a marker which is still awaited.
    pub(super) fn recent(&self, now: Instant) -> Duration {
        let lately =
            self.recent.iter().filter(|(at, _)| now.saturating_duration_since(*at) <= RECENT);
        let shown = lately.map(|(_, lag)| *lag).max().unwrap_or_default();
        let awaited = self.open.front().map(|(_, at)| now.saturating_duration_since(*at));
        shown.max(awaited.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_marker_is_as_late_as_the_first_answer_that_shows_it_or_a_later_one() {
        let (mut markers, start) = (Markers::new(2), Instant::now());
        for node in 0..2 {
            markers.showed(node, 0, true, start);
        }
        markers.begin(start);
        markers.committed(1, start);
        markers.committed(2, start + ms(20));
        markers.showed(0, 1, true, start + ms(3));
        markers.showed(0, 2, true, start + ms(25));
        assert_eq!(markers.nodes[0].all.quantiles_ms([0.5, 1.0]), [3.0, 5.0]);
        assert_eq!(markers.nodes[1].recent(start + ms(70)), ms(70), "it is still awaited");
        markers.showed(1, 2, true, start + ms(80));
        assert_eq!(markers.nodes[1].all.quantiles_ms([0.5, 1.0]), [60.0, 80.0]);
        assert_eq!(markers.nodes[1].recent(start + ms(90)), ms(80));
        assert_eq!(markers.nodes[1].recent(start + ms(2000)), ms(0), "long ago");
        assert_eq!(markers.nodes[1].seconds[&0], (ms(80), 2));
    }

    #[test]
    fn who_shows_it_before_the_commit_is_acknowledged_is_not_behind() {
        let (mut markers, start) = (Markers::new(1), Instant::now());
        markers.begin(start);
        markers.showed(0, 1, true, start);
        markers.committed(1, start + ms(1));
        assert_eq!((markers.nodes[0].all.count(), markers.nodes[0].recent(start)), (1, ms(0)));
    }

    #[test]
    fn a_primary_is_behind_nobody_and_before_the_load_nothing_counts() {
        let (mut markers, start) = (Markers::new(2), Instant::now());
        markers.showed(0, 0, false, start);
        markers.showed(1, 0, true, start);
        markers.committed(1, start);
        markers.showed(1, 1, true, start + ms(9));
        assert_eq!(markers.nodes[0].recent(start + ms(500)), ms(0));
        assert_eq!(markers.nodes[1].all.count(), 0, "the load has not begun");
        assert_eq!(markers.nodes[1].recent(start + ms(10)), ms(9));
    }
}
