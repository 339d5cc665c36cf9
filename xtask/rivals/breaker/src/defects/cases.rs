//! The cases. Each gets a fresh breaker of its setup, which is closed.

use super::{Case, Finding};
use crate::contender::{Breaker, Ending, Setup, Window};

const SETUP: Setup =
    Setup { window: Window::Calls(10), calls_min: 10, probes: 1, judges_slowness: false };

/// A breaker that has not opened by then never will.
const CALLS_MAX: usize = 20_000;

/// Longer than a break, and shorter than two.
const BREAK: f64 = 1.2;

pub(super) const CASES: [Case; 12] = [
    Case {
        claim: "a long good past does not delay the opening",
        setup: SETUP,
        run: a_good_past_does_not_count,
    },
    Case {
        claim: "calls_min failures are enough, however long the window is",
        setup: Setup { window: Window::Calls(100), calls_min: 5, ..SETUP },
        run: calls_min_is_enough,
    },
    Case {
        claim: "calls that their callers gave up all of them open it",
        setup: SETUP,
        run: abandoned_calls_open,
    },
    Case {
        claim: "probes that lie further apart than the window still decide",
        setup: Setup { window: Window::Time, probes: 2, ..SETUP },
        run: rare_probes_decide,
    },
    Case {
        claim: "a probe that is slow does not close it",
        setup: Setup { judges_slowness: true, ..SETUP },
        run: slow_probes_do_not_close,
    },
    Case {
        claim: "a late success does not close it while the probe is out",
        setup: SETUP,
        run: a_late_success_does_not_close,
    },
    Case {
        claim: "late failures of before the break do not open it after it",
        setup: Setup { window: Window::Calls(2), calls_min: 2, ..SETUP },
        run: late_failures_do_not_open,
    },
    Case {
        claim: "a probe that is given up makes room for another",
        setup: SETUP,
        run: an_abandoned_probe_makes_room,
    },
    Case {
        claim: "a probe that never ends does not hold it for ever",
        setup: SETUP,
        run: a_hung_probe_does_not_hold,
    },
    Case {
        claim: "a probe that failed by its caller's mistake does not close it",
        setup: SETUP,
        run: a_mistake_does_not_close,
    },
    Case {
        claim: "a probe that failed reopens it, and the next one may close it",
        setup: SETUP,
        run: a_failed_probe_reopens,
    },
    Case {
        claim: "a test with a paused clock can end a break",
        setup: SETUP,
        run: paused_time_ends_a_break,
    },
];

fn a_good_past_does_not_count(breaker: &mut dyn Breaker) -> Finding {
    // Of a window of time, what it holds at this pace.
    let held = if breaker.pace() > 0.0 { (1.0 / breaker.pace()) as usize } else { 10 };
    let (mut good, mut needed) = (0, Vec::new());
    for past in [100, 1_000, 10_000] {
        while good < past {
            breaker.call(Ending::Success);
            good += 1;
        }
        let opened = breaker.fail_until_open(CALLS_MAX);
        needed.push(opened.map_or("never".to_owned(), |calls| calls.to_string()));
        if opened.is_none_or(|calls| calls > held) {
            let needed = needed.join(", ");
            return Finding::Defect(format!("failures until open, by past: {needed}"));
        }
        breaker.pass(BREAK);
        breaker.call(Ending::Success);
        good = 0;
    }
    Finding::Sound
}

fn calls_min_is_enough(breaker: &mut dyn Breaker) -> Finding {
    match breaker.fail_until_open(CALLS_MAX) {
        Some(5) => Finding::Sound,
        Some(calls) => Finding::Defect(format!("took {calls} failures instead of 5")),
        None => Finding::Defect("never opened".to_owned()),
    }
}

fn abandoned_calls_open(breaker: &mut dyn Breaker) -> Finding {
    for _ in 0..20 {
        let Some(call) = breaker.start() else { return Finding::Sound };
        breaker.abandon(call);
    }
    sound_if(breaker.start().is_none(), "20 calls were given up, and it is closed")
}

fn rare_probes_decide(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    for _ in 0..8 {
        breaker.pass(2.0);
        breaker.call(Ending::Success);
    }
    sound_if(breaker.is_closed(), "8 probes later, all of them well, it is not closed")
}

fn slow_probes_do_not_close(breaker: &mut dyn Breaker) -> Finding {
    if !breaker.knows_slowness() {
        return Finding::Absent("no slow calls");
    }
    open(breaker);
    breaker.pass(BREAK);
    let Some(probe) = breaker.start() else { return no_probe() };
    breaker.pass(0.6);
    breaker.end(probe, Ending::Success);
    sound_if(!breaker.is_closed(), "it closed")
}

fn a_late_success_does_not_close(breaker: &mut dyn Breaker) -> Finding {
    let Some(late) = breaker.start() else { return no_probe() };
    open(breaker);
    breaker.pass(BREAK);
    let Some(_probe) = breaker.start() else { return no_probe() };
    breaker.end(late, Ending::Success);
    sound_if(!breaker.is_closed(), "it closed, and the probe is still out")
}

fn late_failures_do_not_open(breaker: &mut dyn Breaker) -> Finding {
    let late: Vec<_> = (0..4).filter_map(|_| breaker.start()).collect();
    open(breaker);
    breaker.pass(BREAK);
    if !breaker.call(Ending::Success) {
        return no_probe();
    }
    for call in late {
        breaker.end(call, Ending::Failure);
    }
    sound_if(breaker.is_closed(), "it opened, though nothing has failed since the probe")
}

fn an_abandoned_probe_makes_room(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    breaker.pass(BREAK);
    let Some(probe) = breaker.start() else { return no_probe() };
    breaker.abandon(probe);
    closes_by_a_probe(breaker)
}

fn a_hung_probe_does_not_hold(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    breaker.pass(BREAK);
    let Some(_hung) = breaker.start() else { return no_probe() };
    closes_by_a_probe(breaker)
}

fn a_mistake_does_not_close(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    breaker.pass(BREAK);
    let Some(probe) = breaker.start() else { return no_probe() };
    breaker.end(probe, Ending::Mistake);
    let Some(next) = breaker.start() else { return Finding::Sound };
    // Another probe may be admitted, but not one more.
    let finding = sound_if(breaker.start().is_none(), "it closed");
    breaker.abandon(next);
    finding
}

fn a_failed_probe_reopens(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    breaker.pass(BREAK);
    if !breaker.call(Ending::Failure) {
        return no_probe();
    }
    if breaker.start().is_some() {
        return Finding::Defect("it lets calls through right after".to_owned());
    }
    closes_by_a_probe(breaker)
}

fn paused_time_ends_a_break(breaker: &mut dyn Breaker) -> Finding {
    open(breaker);
    breaker.pass_in_test(3600.0);
    sound_if(breaker.start().is_some(), "3,600 breaks later it is still open")
}

/// Asks from time to time, for ten breaks.
fn closes_by_a_probe(breaker: &mut dyn Breaker) -> Finding {
    for _ in 0..20 {
        breaker.pass(0.5);
        if let Some(probe) = breaker.start() {
            breaker.end(probe, Ending::Success);
            return sound_if(breaker.is_closed(), "a probe was well, and it is not closed");
        }
    }
    Finding::Defect("no probe is let through for ten breaks".to_owned())
}

fn open(breaker: &mut dyn Breaker) {
    assert!(breaker.fail_until_open(CALLS_MAX).is_some(), "every call failed, and it is closed");
}

fn no_probe() -> Finding {
    Finding::Defect("no call is let through where one must be".to_owned())
}

fn sound_if(is_sound: bool, otherwise: &str) -> Finding {
    if is_sound { Finding::Sound } else { Finding::Defect(otherwise.to_owned()) }
}
