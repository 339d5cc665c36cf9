//! Who counts in a vote.
//!
//! A vote stands one wrong replica by itself; who is known to be bad is set aside, so that it
//! stands another one. But a mistaken detector must not cost an answer: nobody is set aside when
//! there is no majority without him.

use standfast_tactics::vote::Seat;

/// What is held of a replica before it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// The monitor has marked it.
    pub(super) is_off: bool,
    /// Its circuit breaker lets a call through.
    pub(super) is_admitted: bool,
}

/// The seats of a vote in which `required` must agree.
pub(super) fn seats(views: &[View], required: usize) -> Vec<Seat> {
    let is_enough =
        |is_in: &dyn Fn(&View) -> bool| views.iter().filter(|view| is_in(view)).count() >= required;
    let seat = |view: &View| match view {
        View { is_admitted: false, .. } => Seat::Absent,
        View { is_off: true, .. } => Seat::Shadow,
        View { .. } => Seat::Counts,
    };
    if is_enough(&|view| view.is_admitted && !view.is_off) {
        views.iter().map(seat).collect()
    } else if is_enough(&|view| view.is_admitted) {
        let counts = |view: &View| if view.is_admitted { Seat::Counts } else { Seat::Absent };
        views.iter().map(counts).collect()
    } else {
        vec![Seat::Counts; views.len()]
    }
}

#[cfg(test)]
mod tests {
    use standfast_tactics::vote::Seat::{Absent, Counts, Shadow};

    use super::*;

    const WELL: View = View { is_off: false, is_admitted: true };
    const OFF: View = View { is_off: true, is_admitted: true };
    const OPEN: View = View { is_off: false, is_admitted: false };
    const DEAD: View = View { is_off: true, is_admitted: false };

    #[test]
    fn one_bad_replica_is_set_aside() {
        assert_eq!(seats(&[WELL, WELL, WELL], 2), [Counts, Counts, Counts]);
        assert_eq!(seats(&[WELL, OFF, WELL], 2), [Counts, Shadow, Counts]);
        assert_eq!(seats(&[OPEN, WELL, WELL], 2), [Absent, Counts, Counts]);
        assert_eq!(seats(&[WELL, WELL, DEAD], 2), [Counts, Counts, Absent]);
    }

    #[test]
    fn nobody_is_set_aside_when_no_majority_is_left() {
        assert_eq!(seats(&[WELL, OFF, DEAD], 2), [Counts, Counts, Absent]);
        assert_eq!(seats(&[OFF, OFF, OFF], 2), [Counts, Counts, Counts]);
        assert_eq!(seats(&[WELL, OPEN, DEAD], 2), [Counts, Counts, Counts]);
    }
}
