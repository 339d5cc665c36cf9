//! Decides which fault an event sets off. Pure: every event is heard once, with its own time.
//!
//! Two faults that wait must not meet at one process. So an event sets off the first of them, and
//! the others wait on: what is reported until that fault is being healed does not count for them,
//! for its moment is over when the process can be broken again. What a process reports while it
//! comes back does count: that is where it takes its work up.

use std::ops::RangeInclusive;

use standfast_history::Event;

use crate::spec::{EventPattern, TimedFault};

/// The faults of a timeline that wait for events.
#[derive(Debug)]
pub(crate) struct Triggers {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// In the timeline.
    index: usize,
    pattern: EventPattern,
    /// When the event may come, on the clock of the trial.
    window_us: RangeInclusive<u64>,
    /// The process that it must have for itself.
    process: Option<String>,
    state: State,
    overheard: Overheard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// The event has come, and the process is this fault's.
    Set,
    Over,
}

/// Events in the time of an entry that did not set it off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overheard {
    /// They fit, while another fault had the process.
    pub(crate) held: u32,
    /// They have the name, and say something else.
    pub(crate) unfit: u32,
}

impl Triggers {
    /// `zero_us` is where the measured run begins.
    pub(crate) fn new(timeline: &[TimedFault], zero_us: u64) -> Self {
        let us =
            |duration: std::time::Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let entries = timeline.iter().enumerate().filter_map(|(index, timed)| {
            let trigger = timed.trigger.as_ref()?;
            let from_us = zero_us.saturating_add(us(timed.at));
            let takes_turns = timed.fault.kind.is_of_process();
            Some(Entry {
                index,
                pattern: trigger.pattern.clone(),
                window_us: from_us..=from_us.saturating_add(us(trigger.within)),
                process: takes_turns.then(|| timed.fault.target.clone()),
                state: State::Waiting,
                overheard: Overheard::default(),
            })
        });
        Self { entries: entries.collect() }
    }

    /// Which faults are due because of `event`.
    pub(crate) fn hear(&mut self, event: &Event) -> Vec<usize> {
        let mut due = Vec::new();
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            let is_heard = entry.state == State::Waiting
                && entry.window_us.contains(&event.at_us)
                && entry.pattern.event == event.event;
            if !is_heard {
                continue;
            }
            let (fits, is_held) = (entry.pattern.fits(event), self.is_held(&entry.process));
            let entry = &mut self.entries[position];
            if !fits {
                entry.overheard.unfit += 1;
            } else if is_held {
                entry.overheard.held += 1;
            } else {
                entry.state = State::Set;
                due.push(entry.index);
            }
        }
        due
    }

    fn is_held(&self, process: &Option<String>) -> bool {
        let holds = |entry: &Entry| entry.state == State::Set && entry.process == *process;
        process.is_some() && self.entries.iter().any(holds)
    }

    /// The fault is over, or being healed, or is not waited for any more. Answers what it heard.
    pub(crate) fn let_go(&mut self, index: usize) -> Overheard {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.index == index) else {
            return Overheard::default();
        };
        entry.state = State::Over;
        entry.overheard
    }
}

impl Overheard {
    /// As the end of a message that nothing came.
    pub(crate) fn told(self) -> String {
        let Self { held, unfit } = self;
        let mut told = String::new();
        if held > 0 {
            told.push_str("; it came while another fault had the process");
        }
        match unfit {
            0 => {}
            1 => told.push_str("; one of that name said something else"),
            unfit => told.push_str(&format!("; {unfit} of that name said something else")),
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::fault::{Fault, FaultKind};
    use crate::spec::Trigger;

    const ZERO_US: u64 = 10_000_000;

    /// Waits for `step` of `phase` from 1 s to 3 s of the run.
    fn waits_for(kind: FaultKind, target: &str, phase: &str) -> TimedFault {
        let text = format!("event = 'step'\nfields = {{ phase = '{phase}' }}");
        let pattern = toml::from_str(&text).unwrap();
        TimedFault {
            at: Duration::from_secs(1),
            fault: Fault::new(kind, target),
            until: None,
            trigger: Some(Trigger { pattern, within: Duration::from_secs(2), length: None }),
        }
    }

    fn kill(phase: &str) -> TimedFault {
        waits_for(FaultKind::Kill, "worker", phase)
    }

    /// What is heard `at_ms` after the start of the run.
    fn hear(triggers: &mut Triggers, at_ms: u64, phase: &str) -> Vec<usize> {
        let event = Event::new(ZERO_US + at_ms * 1000, "worker", "step").with("phase", phase);
        triggers.hear(&event)
    }

    #[test]
    fn only_the_first_event_in_its_time_sets_a_fault_off() {
        let mut triggers = Triggers::new(&[kill("copy")], ZERO_US);
        assert!(hear(&mut triggers, 999, "copy").is_empty(), "before");
        assert!(hear(&mut triggers, 1000, "check").is_empty(), "another one");
        assert_eq!(hear(&mut triggers, 1000, "copy"), [0], "in the same instant");
        assert!(hear(&mut triggers, 1001, "copy").is_empty(), "once");
        assert_eq!(triggers.let_go(0), Overheard { held: 0, unfit: 1 });
        assert!(hear(&mut triggers, 1002, "copy").is_empty(), "nor when it is over");
        let mut triggers = Triggers::new(&[kill("copy")], ZERO_US);
        assert!(hear(&mut triggers, 3001, "copy").is_empty(), "after");
        assert_eq!(hear(&mut triggers, 3000, "copy"), [0], "the last moment");
    }

    #[test]
    fn faults_at_one_process_wait_until_the_one_before_is_healed() {
        let mut triggers = Triggers::new(&[kill("copy"), kill("copy"), kill("check")], ZERO_US);
        assert_eq!(hear(&mut triggers, 1100, "copy"), [0], "the first in the list");
        assert!(hear(&mut triggers, 1101, "check").is_empty(), "it is being killed");
        assert!(hear(&mut triggers, 1102, "copy").is_empty());
        triggers.let_go(0);
        assert_eq!(hear(&mut triggers, 1200, "copy"), [1], "for the second time");
        triggers.let_go(1);
        assert_eq!(hear(&mut triggers, 1300, "check"), [2]);
        let overheard = triggers.let_go(2);
        assert_eq!(overheard.held, 1);
        let told = "; it came while another fault had the process; 3 of that name said";
        assert!(overheard.told().starts_with(told), "{}", overheard.told());
    }

    #[test]
    fn one_event_sets_off_faults_at_several_places() {
        let elsewhere = waits_for(FaultKind::Pause, "other", "copy");
        let link = waits_for(FaultKind::Cut, "worker", "copy");
        let fixed = TimedFault { trigger: None, ..kill("copy") };
        let timeline = [fixed, kill("copy"), elsewhere, link];
        let mut triggers = Triggers::new(&timeline, ZERO_US);
        assert_eq!(hear(&mut triggers, 1500, "copy"), [1, 2, 3]);
    }

    proptest! {
        /// Whatever comes in whatever order: each is set off once at most, and nobody while another
        /// one has its process.
        #[test]
        fn no_two_faults_have_one_process(
            waits in proptest::collection::vec((0..2_usize, 0..3_usize), 1..6),
            happenings in proptest::collection::vec((0..3_usize, 0..6_usize, any::<bool>()), 0..40),
        ) {
            let (processes, phases) = (["worker", "other"], ["copy", "check", "end"]);
            let fault = |&(process, phase): &(usize, usize)| {
                waits_for(FaultKind::Kill, processes[process], phases[phase])
            };
            let timeline: Vec<TimedFault> = waits.iter().map(fault).collect();
            let mut triggers = Triggers::new(&timeline, ZERO_US);
            let mut holders: [Option<usize>; 2] = [None; 2];
            let mut set_off = Vec::new();
            for (phase, index, ends) in happenings {
                if ends {
                    triggers.let_go(index);
                    let ended = holders.iter_mut().find(|holder| **holder == Some(index));
                    ended.map(Option::take);
                    set_off.push(index);
                    continue;
                }
                for due in hear(&mut triggers, 1500, phases[phase]) {
                    let (process, fits) = waits[due];
                    prop_assert_eq!(fits, phase);
                    prop_assert!(!set_off.contains(&due), "{} a second time", due);
                    prop_assert_eq!(holders[process].replace(due), None);
                    set_off.push(due);
                }
            }
        }
    }

    #[test]
    fn one_that_gave_up_holds_nobody_back() {
        let mut triggers = Triggers::new(&[kill("copy"), kill("check")], ZERO_US);
        assert_eq!(triggers.let_go(0), Overheard::default());
        assert_eq!(hear(&mut triggers, 1500, "check"), [1]);
    }
}
