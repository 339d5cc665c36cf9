//! Time to recover: from the heal to a steady state that lasts.

use standfast_history::Operation;

/// What counts as recovered.
#[derive(Clone, Copy, Debug)]
pub struct SteadyState {
    /// Share of good operations that must be reached, between 0 and 1.
    pub good_share_min: f64,
    /// How long it must hold; at least a microsecond.
    pub settle_us: u64,
    /// End of the load: a settling window that the run no longer covers proves nothing.
    pub until_us: u64,
}

/// What the history says about the return to a steady state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The steady state held for the whole settling window from this long after the start.
    After { us: u64 },
    /// It did not come while the run could show it: it takes longer than this.
    LongerThan { us: u64 },
    /// No operations, or less than a settling window of load was left.
    Unobserved,
}

/// First moment after `from_us` from which the steady state holds for the settling window.
///
/// The moment is the intended time of a *good* operation: with a share below 100 % a window could
/// otherwise open on the last failures before the recovery and make it look quicker than it was. A
/// system that never left the steady state recovered after 0.
pub fn time_to_recover<'a>(
    operations: impl IntoIterator<Item = &'a Operation>,
    from_us: u64,
    steady: &SteadyState,
    is_good: impl Fn(&Operation) -> bool,
) -> Recovery {
    let mut attempts: Vec<(u64, bool)> = operations
        .into_iter()
        .filter(|operation| from_us <= operation.intended_us)
        .filter(|operation| operation.intended_us < steady.until_us)
        .map(|operation| (operation.intended_us, is_good(operation)))
        .collect();
    attempts.sort_unstable();
    let settle_us = steady.settle_us.max(1);
    if attempts.is_empty() || from_us.saturating_add(settle_us) > steady.until_us {
        return Recovery::Unobserved;
    }
    let (mut end, mut good_inside) = (0, 0_u64);
    for (start, &(at_us, good)) in attempts.iter().enumerate() {
        let first = start == 0;
        // Nothing went wrong before the first attempt, so its window opens with the heal itself.
        let opens_us = if first { from_us } else { at_us };
        let closes_us = opens_us + settle_us;
        if closes_us > steady.until_us {
            break;
        }
        while end < attempts.len() && attempts[end].0 < closes_us {
            good_inside += u64::from(attempts[end].1);
            end += 1;
        }
        let inside = end.saturating_sub(start);
        let share = good_inside as f64 / inside.max(1) as f64;
        if good && inside > 0 && share >= steady.good_share_min {
            return Recovery::After { us: opens_us - from_us };
        }
        // An attempt beyond its own window was never counted in.
        if end > start {
            good_inside -= u64::from(good);
        } else {
            end = start + 1;
        }
    }
    Recovery::LongerThan { us: steady.until_us - settle_us - from_us }
}
