//! Whether the machine let the generator sleep past its alarm.
//!
//! A send can be late because the generator was busy with answers, which a system that freezes and
//! then answers everything at once brings about itself. That is not the machine's doing. But a
//! thread that sleeps at real-time priority and wakes up late was kept from running by nothing but
//! the machine: the host took the processor away. Only that is told.

use std::time::Duration;

use super::tally::MISSED_AFTER;

/// What a late alarm means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// The thread is woken before everything that the system does.
    RealTime,
    /// Whoever else uses the processor may be why it wakes up late, the system included.
    Ordinary,
}

/// The last sleep of the loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sleep {
    priority: Priority,
    from: Duration,
    woken: Duration,
}

impl Sleep {
    /// Before the first one.
    pub(super) fn none(priority: Priority) -> Self {
        Self { priority, from: Duration::ZERO, woken: Duration::ZERO }
    }

    #[must_use]
    pub(super) fn next(self, from: Duration, woken: Duration) -> Self {
        Self { from, woken, ..self }
    }

    /// When the generator woke up, if it should have done so at `due` and did not.
    pub(super) fn overslept(self, due: Duration) -> Option<Duration> {
        let was_asleep = self.from <= due && due + MISSED_AFTER < self.woken;
        (was_asleep && self.priority == Priority::RealTime).then_some(self.woken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_alarm_that_rang_during_the_sleep_was_overslept() {
        let sleep = Sleep::none(Priority::RealTime).next(ms(10), ms(20));
        assert_eq!(sleep.overslept(ms(12)), Some(ms(20)));
        assert_eq!(sleep.overslept(ms(19)), None, "a millisecond is no stall");
        assert_eq!(sleep.overslept(ms(9)), None, "it was busy then, and not asleep");
        assert_eq!(sleep.overslept(ms(21)), None, "not due yet");
    }

    #[test]
    fn without_its_priority_nobody_knows_why_it_woke_up_late() {
        let sleep = Sleep::none(Priority::Ordinary).next(ms(10), ms(20));
        assert_eq!(sleep.overslept(ms(12)), None);
    }

    #[test]
    fn before_the_first_sleep_nothing_was_overslept() {
        assert_eq!(Sleep::none(Priority::RealTime).overslept(Duration::ZERO), None);
    }
}
