//! What is decided in which time, and how much may wait for that: plain data, callers pass `now`.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Decisions are counted over a tenth of a deadline: some 50 of them at 100 a second.
const WINDOWS_PER_DEADLINE: u32 = 10;

/// What is remembered: two deadlines, so that a standstill as long as one leaves something of
/// before.
const WINDOWS: usize = 2 * WINDOWS_PER_DEADLINE as usize;

/// Of what is left to its client, so much may be the wait of an order: sagas overtake each other,
/// and the estimate is one.
const WAIT_SHARE: f64 = 0.8;

/// A backlog that does not go away by itself may make orders wait for so much only: calls that
/// wait for longer are given up and made again, which is work for nothing.
const STANDING_SHARE: f64 = 0.25;

const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// What bounds a backlog.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Limits {
    /// So many are never refused.
    pub(in super::super) floor: usize,
    /// How long a client waits.
    pub(in super::super) deadline: Duration,
}

/// An order was not taken, since its decision would come too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Refused {
    /// When there should be a place for it.
    pub(in super::super) retry_after: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    decided: u32,
    /// The smallest backlog in it.
    least: usize,
}

/// The orders that are not decided, and the rate at which they are.
#[derive(Clone, Debug)]
pub(in super::super) struct Backlog {
    limits: Limits,
    undecided: usize,
    /// When the open window began.
    began: Option<Instant>,
    open: Window,
    closed: VecDeque<Window>,
    /// Decisions in a second; nothing before there was enough to do to see it.
    capacity: Option<f64>,
    /// Whether there was a backlog all the time.
    is_standing: bool,
}

impl Backlog {
    pub(in super::super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            undecided: 0,
            began: None,
            open: Window::default(),
            closed: VecDeque::new(),
            capacity: None,
            is_standing: false,
        }
    }

    /// How many are not decided.
    pub(in super::super) fn undecided(&self) -> usize {
        self.undecided
    }

    /// How many of them there may be for a client that waits for `left`; nothing while no limit is
    /// known.
    pub(in super::super) fn most(&self, left: Duration) -> Option<usize> {
        let share = if self.is_standing { STANDING_SHARE } else { WAIT_SHARE };
        let most = self.capacity? * left.as_secs_f64() * share;
        Some((most as usize).max(self.limits.floor))
    }

    /// Takes an order whose client waits for `left` from `now` on.
    pub(in super::super) fn admit(&mut self, now: Instant, left: Duration) -> Result<(), Refused> {
        self.roll(now);
        if let Some(most) = self.most(left)
            && self.undecided >= most
        {
            return Err(Refused { retry_after: self.retry_after(most) });
        }
        self.undecided += 1;
        Ok(())
    }

    /// Takes up an order that was taken before.
    pub(in super::super) fn restore(&mut self) {
        self.undecided += 1;
    }

    /// It is certain what becomes of an order.
    pub(in super::super) fn decided(&mut self, now: Instant) {
        self.roll(now);
        self.open.decided += 1;
        self.leave();
    }

    /// An order was given up, which says nothing of what can be done.
    pub(in super::super) fn given_up(&mut self, now: Instant) {
        self.roll(now);
        self.leave();
    }

    fn leave(&mut self) {
        self.undecided = self.undecided.saturating_sub(1);
        self.open.least = self.open.least.min(self.undecided);
    }

    fn retry_after(&self, most: usize) -> Duration {
        let excess = self.undecided.saturating_sub(most) + 1;
        let longest = self.limits.deadline.max(RETRY_AFTER_MIN);
        let after = self.capacity.map(|capacity| excess as f64 / capacity);
        let after = after.and_then(|after| Duration::try_from_secs_f64(after).ok());
        after.map_or(longest, |after| after.clamp(RETRY_AFTER_MIN, longest))
    }

    fn window(&self) -> Duration {
        (self.limits.deadline / WINDOWS_PER_DEADLINE).max(Duration::from_millis(1))
    }

    /// Closes all windows that have ended by `now`.
    fn roll(&mut self, now: Instant) {
        let length = self.window();
        let began = *self.began.get_or_insert(now);
        let passed = now.saturating_duration_since(began).as_nanos() / length.as_nanos();
        let closing = usize::try_from(passed).unwrap_or(usize::MAX).min(WINDOWS + 1);
        if closing == 0 {
            return;
        }
        for _ in 0..closing {
            if self.closed.len() == WINDOWS {
                self.closed.pop_front();
            }
            self.closed.push_back(self.open);
            self.open = Window { decided: 0, least: self.undecided };
        }
        // After a pause in which all was forgotten the windows begin anew.
        let closed = u32::try_from(passed).ok().filter(|closed| *closed as usize <= WINDOWS);
        self.began = Some(closed.map_or(now, |closed| began + length * closed));
        self.learn();
    }

    /// Takes the capacity from what was decided of late.
    ///
    /// - What was decided while little was to do is a bound from below, and no capacity. Half of
    ///   the floor is enough to do, since a backlog that is held at the floor is a little below
    ///   it.
    /// - A window with less than half of the best one is a standstill, such as a failover, and
    ///   does not count; unless it has been so for a whole deadline: then the service *has* become
    ///   slower.
    /// - The first window after a standstill began within it, and only the next one tells.
    fn learn(&mut self) {
        let mut latest = self.closed.iter().rev().map(|window| window.decided);
        if latest.next().is_some_and(|decided| decided > 0) && latest.next() == Some(0) {
            return;
        }
        let best = self.closed.iter().map(|window| window.decided).max().unwrap_or(0);
        let is_low = |window: &Window| best == 0 || window.decided * 2 < best;
        let is_busy = |window: &Window| window.least >= self.limits.floor / 2;
        let recent = self.closed.iter().rev().take(WINDOWS_PER_DEADLINE as usize);
        let has_fallen = recent.len() == WINDOWS_PER_DEADLINE as usize
            && recent.clone().all(|window| is_low(window) && is_busy(window));
        self.capacity = if has_fallen {
            self.rate(recent)
        } else {
            let usual = self.closed.iter().filter(|window| !is_low(window));
            let busy = self.rate(usual.clone().filter(|window| is_busy(window)));
            let bound = self.rate(usual);
            busy.map(|busy| busy.max(bound.unwrap_or(busy)))
        };
        self.is_standing = self.stands();
    }

    /// Decisions per second over `windows`, if there are any.
    fn rate<'a>(&self, windows: impl Iterator<Item = &'a Window>) -> Option<f64> {
        let (count, decided) = windows.fold((0, 0.0), |(count, decided), window| {
            (count + 1, decided + f64::from(window.decided))
        });
        (count > 0).then(|| decided / (f64::from(count) * self.window().as_secs_f64()))
    }

    /// The smallest backlog of a while tells a standing one from a burst (Nichols and Jacobson,
    /// "Controlling Queue Delay", 2012). It is over when half of what is allowed to stand is gone.
    fn stands(&self) -> bool {
        let Some(capacity) = self.capacity else { return false };
        let allowed = capacity * self.limits.deadline.as_secs_f64() * STANDING_SHARE;
        let allowed = (allowed as usize).max(self.limits.floor);
        if self.is_standing {
            self.closed.back().is_some_and(|window| window.least >= allowed / 2)
        } else {
            self.closed.len() == WINDOWS && self.closed.iter().all(|window| window.least > allowed)
        }
    }
}
