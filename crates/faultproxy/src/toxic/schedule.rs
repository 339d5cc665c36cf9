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
