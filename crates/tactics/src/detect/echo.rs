//! Ping and echo with thresholds, as a pure state machine: it says what to send and when to come
//! back, and takes results.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::standing::{Change, PolicyError, Record, Standing};

/// The numbers of an echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoPolicy {
    /// One is sent this often, whether or not the last one is back: waiting for it would make a
    /// hang take n timeouts to find instead of one.
    pub period: Duration,
    /// One that is not back by then has failed.
    pub timeout: Duration,
    /// So many failures in a row make the target down.
    pub failures: u32,
    /// So many successes in a row bring it back up.
    pub successes: u32,
    /// When a tick comes later than this, it was we who stood still, and nothing is concluded.
    pub own_pause_max: Duration,
}

impl Default for EchoPolicy {
    fn default() -> Self {
        Self {
            period: Duration::from_millis(200),
            timeout: Duration::from_secs(1),
            failures: 3,
            successes: 5,
            own_pause_max: Duration::from_millis(400),
        }
    }
}

/// More echoes on their way than this are a timeout that does not fit its period.
const OUTSTANDING_MAX: u128 = 256;

impl EchoPolicy {
    fn check(&self) -> Result<(), PolicyError> {
        let fail = |field, problem| Err(PolicyError { field, problem });
        if self.period.is_zero() || self.timeout.is_zero() {
            return fail("period, timeout", "must be above zero");
        }
        if self.timeout.as_nanos() / self.period.as_nanos() >= OUTSTANDING_MAX {
            return fail("timeout", "must be less than 256 periods");
        }
        if self.failures == 0 || self.successes == 0 {
            return fail("failures, successes", "must be at least 1");
        }
        if self.own_pause_max.is_zero() {
            return fail("own_pause_max", "must be above zero, or every tick is a pause");
        }
        Ok(())
    }
}

/// Names one echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EchoId(u64);

/// What came of one echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoResult {
    /// The target did its work.
    Well,
    /// It was refused, reset, or answered by an error.
    Bad,
}

/// What a tick brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// An echo to send now.
    pub send: Option<EchoId>,
    /// What the timeouts changed.
    pub change: Option<Change>,
    /// Whether this tick came so late that nothing was concluded from silence.
    pub was_paused: bool,
}

#[derive(Clone, Debug)]
struct Sent {
    id: EchoId,
    at: Instant,
    result: Option<EchoResult>,
}

/// The echo of one target.
///
/// "In a row" means in the order of sending: a result waits until those of all earlier echoes are
/// known. Else a target that hangs now and then would hide its hangs behind quicker successes.
#[derive(Clone, Debug)]
pub struct Echo {
    policy: EchoPolicy,
    record: Record,
    outstanding: VecDeque<Sent>,
    next_send: Instant,
    next_id: u64,
    failures: u32,
    successes: u32,
}

impl Echo {
    /// An echo that begins at `now` with what is held of the target beforehand.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(
        policy: EchoPolicy,
        standing: Standing,
        now: Instant,
    ) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
            policy,
            record: Record::new(standing),
            outstanding: VecDeque::new(),
            next_send: now,
            next_id: 0,
            failures: 0,
            successes: 0,
        })
    }

    /// What is held of the target.
    pub fn standing(&self) -> Standing {
        self.record.standing
    }

    /// The epoch of the standing, see [`Change::epoch`].
    pub fn epoch(&self) -> u64 {
        self.record.epoch
    }

    /// Whether the result of an echo is still of use.
    pub fn awaits(&self, id: EchoId) -> bool {
        self.outstanding.iter().any(|sent| sent.id == id && sent.result.is_none())
    }

    /// When [`Echo::tick`] wants to be called.
    pub fn next_tick(&self) -> Instant {
        let waiting = self.outstanding.iter().find(|sent| sent.result.is_none());
        waiting.map_or(self.next_send, |sent| self.next_send.min(sent.at + self.policy.timeout))
    }

    /// Sends what is due, and holds against the target what is overdue.
    pub fn tick(&mut self, now: Instant) -> Tick {
        let was_paused = self.is_after_pause(now);
        if was_paused {
            self.void();
        }
        let before = self.record.standing;
        for sent in &mut self.outstanding {
            if sent.result.is_none() && now >= sent.at + self.policy.timeout {
                sent.result = Some(EchoResult::Bad);
            }
        }
        let change = self.judge(before);
        let send = (now >= self.next_send).then(|| {
            let id = EchoId(self.next_id);
            self.next_id += 1;
            self.outstanding.push_back(Sent { id, at: now, result: None });
            // Periods that were slept through are not made up for.
            let late = now.saturating_duration_since(self.next_send);
            let is_whole_period_late = late >= self.policy.period;
            let base = if is_whole_period_late { now } else { self.next_send };
            self.next_send = base + self.policy.period;
            id
        });
        Tick { send, change, was_paused }
    }

    /// Takes the result of an echo. After its timeout it has failed, whatever came back.
    pub fn result(&mut self, id: EchoId, result: EchoResult, now: Instant) -> Option<Change> {
        if self.is_after_pause(now) {
            // It may have been here all the time: it is not known when it came.
            self.void();
            return None;
        }
        let (before, timeout) = (self.record.standing, self.policy.timeout);
        let sent = self.outstanding.iter_mut().find(|sent| sent.id == id)?;
        let is_overdue = now >= sent.at + timeout;
        sent.result.get_or_insert(if is_overdue { EchoResult::Bad } else { result });
        self.judge(before)
    }

    /// Nobody came at the time that was asked for: we were stopped, or starved.
    fn is_after_pause(&self, now: Instant) -> bool {
        now > self.next_tick() + self.policy.own_pause_max
    }

    fn void(&mut self) {
        self.outstanding.retain(|sent| sent.result.is_some());
    }

    fn judge(&mut self, before: Standing) -> Option<Change> {
        while let Some(result) = self.outstanding.front().and_then(|sent| sent.result) {
            self.outstanding.pop_front();
            match result {
                EchoResult::Well => {
                    (self.failures, self.successes) = (0, self.successes.saturating_add(1));
                    let is_back = self.successes >= self.policy.successes;
                    if self.record.standing != Standing::Down || is_back {
                        self.record.enter(Standing::Up);
                    }
                }
                EchoResult::Bad => {
                    (self.successes, self.failures) = (0, self.failures.saturating_add(1));
                    if self.failures >= self.policy.failures {
                        self.record.enter(Standing::Down);
                    } else if self.record.standing == Standing::Up {
                        self.record.enter(Standing::Suspect);
                    }
                }
            }
        }
        let (to, epoch) = (self.record.standing, self.record.epoch);
        (before != to).then_some(Change { from: before, to, epoch })
    }
}
