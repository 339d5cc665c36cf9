//! The choices of an outbox.

use std::time::Duration;

/// When a row may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As soon as it is visible, after the earlier ones of its key. Writers must hold a lock on
    /// what the key names from the insert to the commit.
    ByKey,
    /// Also only when every older transaction has ended.
    ByHorizon,
}

/// What becomes of a key whose row was parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterParking {
    /// Its later rows wait until an operator has resolved it ([`super::Outbox::release`]): what
    /// follows a lost event means something else.
    HoldKey,
    /// Its later rows go on.
    SkipRow,
}

/// The numbers of an outbox; any value is valid, and zeros count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// When a row may go.
    pub order: Order,
    /// What becomes of a key whose row was parked.
    pub after_parking: AfterParking,
    /// How many rows are out at once.
    pub rows_max: usize,
    /// How many rows of one key are in a run.
    pub run_max: usize,
    /// After so many rejections a row is parked.
    pub tries_max: u32,
    /// The first wait after a rejection or a failure of the queue; it doubles each time.
    pub wait_base: Duration,
    /// No wait is longer.
    pub wait_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            order: Order::ByKey,
            after_parking: AfterParking::HoldKey,
            rows_max: 1000,
            run_max: 100,
            tries_max: 5,
            wait_base: Duration::from_millis(50),
            wait_max: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// The wait after `times` failures in a row, which is at least half of what it may be: a queue
    /// that is away is not asked at once. `draw` is a random number from 0 to 1.
    pub(super) fn wait(&self, times: u32, draw: f64) -> Duration {
        // Beyond this many doublings, every base has reached every sensible maximum.
        const DOUBLINGS_MAX: u32 = 30;
        let longest =
            self.wait_base.saturating_mul(1 << times.saturating_sub(1).min(DOUBLINGS_MAX));
        longest.min(self.wait_max).mul_f64(0.5 + 0.5 * draw.clamp(0.0, 1.0))
    }
}
