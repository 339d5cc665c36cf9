//! Sagas in a world of the test's own: participants with a barrier, a network that loses, delays,
//! repeats and reorders, and drivers that die at any moment or come back after another has taken
//! over. Whatever happens, every step has had its effect once, or there is nothing left of any.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::saga::{
    Answer, Arrival, Definition, Direction, Entry, Mark, Next, Outcome, Ownership, Record, Retry,
    Saga, Standing, Step, Verdict, judge,
};
use tokio::time::Instant;

const STEPS: usize = 3;
const RETRY: Retry = Retry { wait_base: Duration::ZERO, wait_max: Duration::ZERO, tries_max: 4 };

/// What the world does without, to show that the test would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Participants only keep records of what was applied.
    Barrier,
    /// The journal takes entries of drivers that another one has taken over from.
    Ownership,
}

/// One participant: its record, and how often its effect is there. The saga is right when that is
/// 0 or 1 in the end, and never anything else meanwhile.
#[derive(Default)]
struct Participant {
    record: Option<Record<()>>,
    effects: i32,
    /// It has room only at times: refusals are part of the game.
    is_full: bool,
}

#[derive(Clone, Copy)]
struct Message {
    step: usize,
    direction: Direction,
    epoch: u64,
    /// Which life of the driver waits for the answer, and its how manieth call it is.
    call: (usize, u32),
}

struct Driver {
    epoch: u64,
    life: usize,
    calls: u32,
    saga: Saga<()>,
    /// The call that it waits for; it gives up waiting at any time.
    waits_for: Option<u32>,
}

struct World {
    rng: StdRng,
    without: Without,
    definition: Arc<Definition>,
    journal: Vec<Entry<()>>,
    /// The journal tells no story of one saga.
    is_torn: bool,
    ownership: Option<Ownership>,
    lives: usize,
    drivers: Vec<Driver>,
    participants: [Participant; STEPS],
    network: Vec<Message>,
    answers: Vec<(Message, Answer<()>)>,
    now: Instant,
}

impl World {
    fn new(seed: u64, has_pivot: bool, without: Without) -> Self {
        let compensation = |place: usize| (!has_pivot || place + 1 < STEPS).then_some("undo");
        let step = |(place, name)| Step {
            name,
            action: "do",
            compensation: compensation(place),
            retry: RETRY,
        };
        let steps = ["a", "b", "c"].into_iter().enumerate().map(step).collect();
        Self {
            rng: StdRng::seed_from_u64(seed),
            without,
            definition: Arc::new(Definition::try_new(steps).expect("three names")),
            journal: Vec::new(),
            is_torn: false,
            ownership: None,
            lives: 0,
            drivers: Vec::new(),
            participants: Default::default(),
            network: Vec::new(),
            answers: Vec::new(),
            now: Instant::now(),
        }
    }

    fn is_heads(&mut self, share: f64) -> bool {
        self.rng.random::<f64>() < share
    }

    /// A new process takes the saga up from its journal; an older one may still run.
    fn start(&mut self) {
        let ownership = Ownership::taken_over(self.ownership.as_ref(), "driver");
        let mut saga = Saga::new(Arc::clone(&self.definition));
        for entry in &self.journal {
            self.is_torn |= saga.apply(entry).is_err();
        }
        self.lives += 1;
        let (epoch, life) = (ownership.epoch, self.lives);
        self.ownership = Some(ownership);
        self.drivers.push(Driver { epoch, life, calls: 0, saga, waits_for: None });
    }

    /// The driver at `index` does one thing. False when it has died of it.
    fn drive(&mut self, index: usize, may_die: bool) -> bool {
        let gives_up_waiting = self.is_heads(0.3);
        let dies_early = may_die && self.is_heads(0.1);
        let dies_late = may_die && self.is_heads(0.1);
        let driver = &mut self.drivers[index];
        match driver.saga.next(self.now) {
            Next::Journal(entries) => {
                let ownership = self.ownership.as_ref().expect("it has taken over once");
                let is_fenced = ownership.check(driver.epoch).is_err();
                if is_fenced && self.without != Without::Ownership || dies_early {
                    return false;
                }
                self.journal.extend(entries.iter().cloned());
                // The write has come through; whether its writer learns of it is another matter.
                if dies_late {
                    return false;
                }
                entries
                    .iter()
                    .for_each(|entry| driver.saga.apply(entry).expect("it was asked for"));
            }
            Next::Call(call) => {
                driver.calls += 1;
                driver.waits_for = Some(driver.calls);
                let message = Message {
                    step: call.step,
                    direction: call.direction,
                    epoch: driver.epoch,
                    call: (driver.life, driver.calls),
                };
                self.network.push(message);
            }
            Next::Answer if gives_up_waiting => {
                driver.waits_for = None;
                driver.saga.answered(Answer::Unknown, self.now, 0.5);
            }
            Next::Answer | Next::Wait(_) | Next::End(_) => {}
        }
        true
    }

    /// Some message arrives, as one of them or as a copy of one.
    fn deliver(&mut self, is_lossy: bool) {
        if self.network.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.network.len());
        let message = self.network[index];
        let (is_copied, is_lost) = (self.is_heads(0.3), self.is_heads(0.1));
        if !(is_copied && is_lossy) {
            self.network.swap_remove(index);
        }
        if is_lost && is_lossy {
            return;
        }
        let answer = self.arrive(message);
        self.answers.push((message, answer));
    }

    /// What a participant does, in one transaction.
    fn arrive(&mut self, message: Message) -> Answer<()> {
        let Message { step, direction, epoch, .. } = message;
        let has_barrier = self.without != Without::Barrier;
        let participant = &mut self.participants[step];
        let arrival = Arrival { direction, epoch, fingerprint: 7 };
        let verdict = judge(participant.record.clone(), arrival);
        let mut store = |mark, answer| {
            if has_barrier || mark == Mark::Applied {
                let record = Record { mark, epoch, fingerprint: 7, answer };
                participant.record = Some(record);
            } else {
                participant.record = None;
            }
        };
        match verdict {
            Verdict::Apply if participant.is_full => {
                store(Mark::Refused, None);
                Answer::Refused { reason: "full".to_owned() }
            }
            Verdict::Apply => {
                store(Mark::Applied, Some(()));
                participant.effects += 1;
                Answer::Done(())
            }
            Verdict::Undo => {
                store(Mark::Undone, Some(()));
                participant.effects -= 1;
                Answer::Done(())
            }
            Verdict::Bar => {
                store(Mark::Barred, None);
                Answer::Done(())
            }
            Verdict::Repeat(Some(())) => Answer::Done(()),
            Verdict::Repeat(None) if direction == Direction::Back => Answer::Done(()),
            Verdict::Repeat(None) | Verdict::Barred => {
                Answer::Refused { reason: "declined".to_owned() }
            }
            Verdict::Fenced => Answer::Unknown,
            Verdict::Conflict => unreachable!("all say the same"),
        }
    }

    /// Some answer arrives, if its caller still waits for it.
    fn answer(&mut self, is_lossy: bool) {
        if self.answers.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.answers.len());
        let (message, answer) = self.answers.swap_remove(index);
        if is_lossy && self.is_heads(0.2) {
            return;
        }
        let (life, call) = message.call;
        let waiting = self.drivers.iter_mut();
        let mut waiting = waiting.filter(|one| one.life == life && one.waits_for == Some(call));
        if let Some(driver) = waiting.next() {
            driver.waits_for = None;
            driver.saga.answered(answer, self.now, 0.5);
        }
    }

    fn disturb(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.rng.random_range(0..100) {
                0..=44 if !self.drivers.is_empty() => {
                    let index = self.rng.random_range(0..self.drivers.len());
                    if !self.drive(index, true) {
                        self.drivers.swap_remove(index);
                    }
                }
                45..=64 => self.deliver(true),
                65..=84 => self.answer(true),
                85..=88 => {
                    let place = self.rng.random_range(0..STEPS);
                    self.participants[place].is_full ^= true;
                }
                _ if self.drivers.is_empty() || self.is_heads(0.1) => self.start(),
                _ => {}
            }
            let effects = self.participants.iter().map(|participant| participant.effects);
            if self.without == Without::Nothing {
                assert!(effects.clone().all(|count| count == 0 || count == 1), "an effect twice");
            }
        }
    }

    /// Everything works again; one driver brings the saga to its end, and then all that was still
    /// on its way arrives.
    fn heal(&mut self) -> Option<Outcome> {
        self.drivers.clear();
        self.participants.iter_mut().for_each(|participant| participant.is_full = false);
        self.start();
        let mut outcome = None;
        for _ in 0..1000 {
            self.drive(0, false);
            self.deliver(false);
            self.answer(false);
            if let Standing::Ended(ended) = self.drivers[0].saga.standing() {
                outcome = Some(ended);
                break;
            }
        }
        while !self.network.is_empty() {
            self.deliver(false);
        }
        outcome
    }

    /// Whether the world is as the outcome says.
    fn is_right(&self, outcome: Outcome) -> bool {
        let wanted = match outcome {
            Outcome::Completed => 1,
            Outcome::Compensated => 0,
        };
        !self.is_torn && self.participants.iter().all(|one| one.effects == wanted)
    }
}

/// Runs one history; whether it ended, and ended right.
fn is_right(seed: u64, steps: usize, has_pivot: bool, without: Without) -> (Option<Outcome>, bool) {
    let mut world = World::new(seed, has_pivot, without);
    world.disturb(steps);
    let outcome = world.heal();
    let is_right = outcome.is_some_and(|outcome| world.is_right(outcome));
    (outcome, is_right)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_saga_ends_fully_done_or_fully_undone(
        seed: u64, steps in 0..300_usize, has_pivot: bool,
    ) {
        let (outcome, is_right) = is_right(seed, steps, has_pivot, Without::Nothing);
        prop_assert!(is_right, "it ended as {:?}", outcome);
    }
}

/// Otherwise the property above might hold since nothing ever happens.
#[test]
fn both_outcomes_are_common_in_these_histories() {
    let outcomes: Vec<_> =
        (0..400).map(|seed| is_right(seed, 120, false, Without::Nothing).0).collect();
    for outcome in [Outcome::Completed, Outcome::Compensated] {
        let count = outcomes.iter().filter(|one| **one == Some(outcome)).count();
        assert!(count > 60, "{outcome:?} only {count} times in 400");
    }
}

/// The same histories show what barrier and ownership are for.
#[test]
fn without_the_barrier_or_the_ownership_some_histories_end_wrong() {
    for without in [Without::Barrier, Without::Ownership] {
        let wrong = (0..2000).filter(|seed| !is_right(*seed, 120, false, without).1).count();
        assert!(wrong > 0, "{without:?} made no difference in 2000 histories");
    }
}
