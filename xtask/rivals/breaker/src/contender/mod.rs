//! The breakers that are compared, behind one face: calls start, end and are dropped, and time
//! passes.
//!
//! Time is told in units. For a breaker that is given its time, a unit is a second that nobody
//! waits for; tower-resilience reads the clock itself, so its unit is short and is waited for.

mod flight;
mod ours;
mod seatbelt;
mod tower_resilience;

use std::fmt;

pub(crate) use flight::Refused;
pub(crate) use ours::Ours;
pub(crate) use seatbelt::{Seatbelt, settings as seatbelt_settings};
pub(crate) use tower_resilience::{TowerResilience, settings as tower_resilience_settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    TowerResilience,
    Seatbelt,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::TowerResilience, Self::Seatbelt];

    pub(crate) fn make(self, setup: Setup) -> Box<dyn Breaker> {
        match self {
            Self::Ours => Box::new(Ours::new(setup)),
            Self::TowerResilience => Box::new(TowerResilience::new(setup)),
            Self::Seatbelt => Box::new(Seatbelt::new(setup)),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ours => "standfast",
            Self::TowerResilience => "tower-resilience",
            Self::Seatbelt => "seatbelt",
        })
    }
}

/// Which calls are judged. A contender that has only one of these takes that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    Calls(u32),
    /// One unit.
    Time,
}

/// How a breaker is set up: half of the calls must fail, or be slow; a break takes one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) window: Window,
    pub(crate) calls_min: u32,
    pub(crate) probes: u32,
    /// Half a unit is slow.
    pub(crate) judges_slowness: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
    /// The caller's fault, which says nothing of the dependency.
    Mistake,
}

/// A call that was let through and has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(usize);

pub(crate) trait Breaker {
    /// Starts a call; nothing when it is refused.
    fn start(&mut self) -> Option<CallId>;

    fn end(&mut self, call: CallId, ending: Ending);

    /// Drops a call: nobody waits for it any more.
    fn abandon(&mut self, call: CallId);

    /// Lets time pass.
    fn pass(&mut self, units: f64);

    /// Lets time pass for those who read tokio's clock, as in a test that is paused.
    fn pass_in_test(&mut self, units: f64) {
        self.pass(units);
    }

    /// How many units apart its calls should be, so that a window of time slides: zero when its
    /// window is one of calls.
    fn pace(&self) -> f64 {
        0.0
    }

    fn knows_slowness(&self) -> bool {
        true
    }
}

impl dyn Breaker + '_ {
    /// Makes a whole call; answers whether it was let through.
    pub(crate) fn call(&mut self, ending: Ending) -> bool {
        let pace = self.pace();
        if pace > 0.0 {
            self.pass(pace);
        }
        let call = self.start();
        if let Some(call) = call {
            self.end(call, ending);
        }
        call.is_some()
    }

    /// Fails until it opens; answers how many calls that took, if it opened within `calls_max`.
    pub(crate) fn fail_until_open(&mut self, calls_max: usize) -> Option<usize> {
        (0..=calls_max).find(|_| !self.call(Ending::Failure))
    }

    /// Whether it lets through more calls at once than it ever has probes. They stay out: this is
    /// the last that is asked.
    pub(crate) fn is_closed(&mut self) -> bool {
        (0..8).all(|_| self.start().is_some())
    }
}
