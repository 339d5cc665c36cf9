//! When a toxic is active, counted from when it was added.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A window, once or again and again. Times are in milliseconds, as everywhere in this API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From when on it is active.
    #[serde(default)]
    pub after_ms: u64,
    /// For how long; absent: from then on for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How often the window comes again, from start to start; absent: once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
}

/// A window that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Window", into = "Window")]
pub struct Schedule(Window);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("`for_ms` is 0: the toxic would never be active")]
    NeverActive,
    #[error("`every_ms` without `for_ms`: the first window never ends")]
    NeverEnds,
    #[error(
        "`every_ms` ({every_ms}) is not more than `for_ms` ({for_ms}): no pause between windows"
    )]
    NoPause { for_ms: u64, every_ms: u64 },
}

/// Whether it is active, and how long that stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    pub is_active: bool,
    /// Until the next change; `None` when there is none.
    pub changes_in: Option<Duration>,
}

impl Activity {
    pub(crate) const ALWAYS: Self = Self { is_active: true, changes_in: None };
    pub(crate) const NEVER: Self = Self { is_active: false, changes_in: None };
}

impl Schedule {
    pub fn window(self) -> Window {
        self.0
    }

    /// What holds so long after the toxic was added.
    pub fn activity(self, since_added: Duration) -> Activity {
        let Some(into) = since_added.checked_sub(Duration::from_millis(self.0.after_ms)) else {
            let changes_in = Duration::from_millis(self.0.after_ms).saturating_sub(since_added);
            return Activity { is_active: false, changes_in: Some(changes_in) };
        };
        let Some(lasts) = self.0.for_ms.map(Duration::from_millis) else {
            return Activity::ALWAYS;
        };
        let period = self.0.every_ms.map(Duration::from_millis);
        let into = period.map_or(into, |period| remainder(into, period));
        match (lasts.checked_sub(into), period) {
            (Some(left), _) if !left.is_zero() => {
                Activity { is_active: true, changes_in: Some(left) }
            }
            (_, Some(period)) => {
                Activity { is_active: false, changes_in: Some(period.saturating_sub(into)) }
            }
            (_, None) => Activity::NEVER,
        }
    }
}

fn remainder(time: Duration, period: Duration) -> Duration {
    let nanos = time.as_nanos() % period.as_nanos().max(1);
    Duration::new(
        u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX),
        u32::try_from(nanos % 1_000_000_000).unwrap_or_default(),
    )
}

impl TryFrom<Window> for Schedule {
    type Error = ScheduleError;

    fn try_from(window: Window) -> Result<Self, ScheduleError> {
        match (window.for_ms, window.every_ms) {
            (Some(0), _) => Err(ScheduleError::NeverActive),
            (None, Some(_)) => Err(ScheduleError::NeverEnds),
            (Some(for_ms), Some(every_ms)) if every_ms <= for_ms => {
                Err(ScheduleError::NoPause { for_ms, every_ms })
            }
            (_, _) => Ok(Self(window)),
        }
    }
}

impl From<Schedule> for Window {
    fn from(schedule: Schedule) -> Self {
        schedule.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, downstream, ms};
    use super::super::{Latency, Timeout, Toxic, ToxicKind};
    use super::*;

    fn window(after_ms: u64, for_ms: Option<u64>, every_ms: Option<u64>) -> Window {
        Window { after_ms, for_ms, every_ms }
    }

    /// `active` are the times of the first second in which it is active, from and to.
    fn check(window: Window, active: &[(u64, u64)]) {
        let schedule = Schedule::try_from(window).unwrap();
        let mut changes_at = ms(0);
        for now in (0..1000).map(ms) {
            let activity = schedule.activity(now);
            let expected = active.iter().any(|(from, to)| (ms(*from)..ms(*to)).contains(&now));
            assert_eq!(activity.is_active, expected, "{window:?} at {now:?}");
            if now >= changes_at {
                changes_at =
                    activity.changes_in.map_or(Duration::MAX, |changes_in| now + changes_in);
                assert!(changes_at > now, "{window:?} changes at {now:?} already");
            } else {
                let foretold = activity.changes_in.map(|changes_in| now + changes_in);
                assert_eq!(foretold, Some(changes_at).filter(|at| *at < Duration::MAX));
            }
        }
    }

    #[test]
    fn a_window_opens_and_closes_once_or_again_and_again() {
        check(window(0, None, None), &[(0, 1000)]);
        check(window(300, None, None), &[(300, 1000)]);
        check(window(0, Some(100), None), &[(0, 100)]);
        check(window(50, Some(100), None), &[(50, 150)]);
        check(window(50, Some(100), Some(400)), &[(50, 150), (450, 550), (850, 950)]);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |window| Schedule::try_from(window).unwrap_err();
        assert_eq!(refused(window(0, Some(0), None)), ScheduleError::NeverActive);
        assert_eq!(refused(window(0, None, Some(10))), ScheduleError::NeverEnds);
        let no_pause = ScheduleError::NoPause { for_ms: 10, every_ms: 10 };
        assert_eq!(refused(window(0, Some(10), Some(10))), no_pause);
        let text = r#"{"for_ms":10,"every_ms":5}"#;
        assert!(serde_json::from_str::<Schedule>(text).is_err(), "{text}");
    }

    #[test]
    fn the_largest_numbers_overflow_nothing() {
        let largest = window(u64::MAX, Some(u64::MAX - 1), Some(u64::MAX));
        for window in [largest, Window { after_ms: 0, ..largest }] {
            let schedule = Schedule::try_from(window).unwrap();
            let mut bench = Bench::under([scheduled(schedule.window(), 10)]);
            bench.wait(Duration::from_secs(1 << 40));
            schedule.activity(Duration::MAX);
        }
    }

    fn scheduled(window: Window, latency: i64) -> Toxic {
        let schedule = Some(Schedule::try_from(window).unwrap());
        Toxic { schedule, ..downstream(ToxicKind::Latency(Latency { latency, jitter: 0 })) }
    }

    #[test]
    fn outside_of_its_window_a_toxic_does_nothing() {
        let mut bench = Bench::under([scheduled(window(100, Some(100), Some(1000)), 30)]);
        for _ in 0..4 {
            bench.wait(ms(50));
            bench.send("x");
        }
        bench.wait(ms(950));
        bench.send("y");
        bench.wait(ms(1000));
        let at: Vec<_> = bench.arrivals.iter().map(|arrival| arrival.at).collect();
        assert_eq!(at, [ms(50), ms(130), ms(180), ms(200), ms(1180)]);
        assert_eq!(bench.tally(0).bytes, 3, "those at 100, 150 and 1150 ms");
    }

    #[test]
    fn a_window_that_closes_lets_go_what_waits() {
        let mut bench = Bench::under([scheduled(window(0, Some(100), None), 60_000)]);
        bench.send("hello");
        bench.wait(ms(1000));
        assert_eq!((bench.last_at(), bench.received_text().as_str()), (ms(100), "hello"));
    }

    #[test]
    fn a_toxic_starts_anew_in_each_window() {
        let kind = ToxicKind::Timeout(Timeout { timeout: 150 });
        let schedule = Some(Schedule::try_from(window(0, Some(100), Some(200))).unwrap());
        let mut bench = Bench::under([Toxic { schedule, ..downstream(kind) }]);
        bench.wait(ms(2000));
        assert_eq!(bench.end, None, "no window is as long as its timeout");
        assert_eq!(bench.tally(0).connections, 1);
        bench.wait(ms(150));
        bench.remove(0);
        assert_eq!(bench.end, None, "taken away between two windows it closes nothing");
    }
}
