//! What is decided about each request, and the account of it. Chance is drawn from a seed, so that
//! a run can be repeated; nothing here waits.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::kind::FaultKind;
use super::misconduct::Misconduct;

/// Beyond any stock's usual changes, and far below where sums of stocks would overflow.
const SHIFT_MAX: i64 = 1_000_000;

/// The path that is never touched.
const SPARED: &str = "/metrics";

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    /// The lab, which wants to see the fault: it is no proof that anybody else did.
    Lab,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Delay(Duration),
    Fail,
    /// The answer is changed when it names what the fault is about.
    Falsify(Lie),
    /// There is no answer.
    Silence,
}

/// How an answer is changed: the stock of one product, or of all, is `shift` higher, unless the
/// service itself does what it is told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lie {
    pub(super) product: Option<String>,
    pub(super) shift: i64,
    pub(super) misconduct: Misconduct,
    /// The fault that it belongs to: answers may outlive it.
    generation: u64,
}

/// The faults of a service: at most one at a time.
#[derive(Debug, Default)]
pub(super) struct Faults {
    active: Option<Active>,
    generations: u64,
}

#[derive(Debug)]
struct Active {
    kind: FaultKind,
    seed: u64,
    random: StdRng,
    /// One for the whole fault, as of a record that is damaged: it lies the same way each time.
    shift: i64,
    account: Account,
}

/// How often the fault met a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Account {
    /// Requests of clients while it lasted, those that it spared included.
    requests: u64,
    /// Requests of clients that were delayed, failed or answered wrongly.
    hits: u64,
    /// The same of the lab's own requests.
    probes_hit: u64,
}

/// What `GET /fault` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Report {
    /// Absent when the service is as it should be.
    pub(super) fault: Option<FaultKind>,
    pub(super) seed: u64,
    #[serde(flatten)]
    pub(super) account: Account,
}

impl Faults {
    /// Makes `kind` the fault of the service, in place of any other.
    pub(super) fn put(&mut self, kind: FaultKind, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let shift = random.random_range(1..=SHIFT_MAX);
        self.generations += 1;
        self.active = Some(Active { kind, seed, random, shift, account: Account::default() });
    }

    /// Takes the fault away, and answers what it did.
    pub(super) fn clear(&mut self) -> Report {
        let report = self.report();
        self.active = None;
        report
    }

    pub(super) fn report(&self) -> Report {
        match &self.active {
            Some(active) => Report {
                fault: Some(active.kind.clone()),
                seed: active.seed,
                account: active.account,
            },
            None => Report { fault: None, seed: 0, account: Account::default() },
        }
    }

    /// Decides about a request for `path`.
    pub(super) fn decide(&mut self, path: &str, sender: Sender) -> Verdict {
        let generation = self.generations;
        let Some(active) = self.active.as_mut().filter(|_| path != SPARED) else {
            return Verdict::Pass;
        };
        active.account.requests += u64::from(sender == Sender::Client);
        let verdict = match &active.kind {
            FaultKind::Latency { delay_ms, jitter_ms } => {
                let draw = active.random.random_range(0.0..=1.0);
                Verdict::Delay(FaultKind::delay(*delay_ms, *jitter_ms, draw))
            }
            FaultKind::Intermittent { probability } => {
                match active.random.random_bool(*probability) {
                    true => Verdict::Fail,
                    false => Verdict::Pass,
                }
            }
            FaultKind::Incorrect { product } => {
                // It counts when an answer is seen to be changed.
                let (product, shift) = (product.clone(), active.shift);
                let misconduct = Misconduct::Incorrect { shift };
                return Verdict::Falsify(Lie { product, shift, misconduct, generation });
            }
            FaultKind::Forge => {
                return active.perjury(Misconduct::Forge { shift: active.shift }, generation);
            }
            FaultKind::Equivocate => {
                return active.perjury(Misconduct::Equivocate { shift: active.shift }, generation);
            }
            FaultKind::Replay => return active.perjury(Misconduct::Replay, generation),
            FaultKind::Silent => Verdict::Silence,
        };
        if verdict != Verdict::Pass {
            active.count(sender);
        }
        verdict
    }

    /// Counts an answer that was changed, unless its fault is over.
    pub(super) fn lied(&mut self, lie: &Lie, sender: Sender) {
        if self.generations == lie.generation
            && let Some(active) = &mut self.active
        {
            active.count(sender);
        }
    }
}

impl Active {
    fn perjury(&self, misconduct: Misconduct, generation: u64) -> Verdict {
        Verdict::Falsify(Lie { product: None, shift: self.shift, misconduct, generation })
    }

    fn count(&mut self, sender: Sender) {
        match sender {
            Sender::Client => self.account.hits += 1,
            Sender::Lab => self.account.probes_hit += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(kind: FaultKind, seed: u64) -> Faults {
        let mut faults = Faults::default();
        faults.put(kind, seed);
        faults
    }

    fn verdicts(faults: &mut Faults, count: usize) -> Vec<Verdict> {
        (0..count).map(|_| faults.decide("/inventory", Sender::Client)).collect()
    }

    #[test]
    fn without_a_fault_and_for_metrics_all_passes() {
        let mut none = Faults::default();
        assert_eq!(none.decide("/inventory", Sender::Client), Verdict::Pass);
        let mut failing = faults(FaultKind::Intermittent { probability: 1.0 }, 7);
        assert_eq!(failing.decide("/metrics", Sender::Client), Verdict::Pass);
        assert_eq!(failing.report().account, Account::default(), "no request was hit");
        assert_eq!(failing.decide("/health", Sender::Client), Verdict::Fail);
        assert_eq!(failing.decide("/health", Sender::Lab), Verdict::Fail);
        let account = failing.clear().account;
        assert_eq!(account, Account { requests: 1, hits: 1, probes_hit: 1 });
        assert_eq!(failing.decide("/health", Sender::Client), Verdict::Pass, "it is over");
        assert_eq!(failing.report().fault, None);
    }

    #[test]
    fn a_lie_is_the_same_each_time_and_counts_when_an_answer_is_changed() {
        let mut lying = faults(FaultKind::Incorrect { product: None }, 7);
        let first = lying.decide("/inventory", Sender::Client);
        assert_eq!(lying.decide("/inventory", Sender::Client), first);
        assert_eq!(lying.report().account.hits, 0);
        let Verdict::Falsify(lie) = first else { panic!("{first:?}") };
        assert!((1..=SHIFT_MAX).contains(&lie.shift));
        lying.lied(&lie, Sender::Client);
        assert_eq!(lying.report().account.hits, 1);
        lying.put(FaultKind::Incorrect { product: None }, 8);
        lying.lied(&lie, Sender::Client);
        assert_eq!(lying.report().account.hits, 0, "that answer was of the fault before");
    }

    #[test]
    fn two_replicas_with_different_seeds_do_not_tell_the_same_lie() {
        let lie = |seed| verdicts(&mut faults(FaultKind::Incorrect { product: None }, seed), 1);
        assert_ne!(lie(1), lie(2));
    }

    proptest! {
        #[test]
        fn the_same_seed_decides_the_same(seed: u64, probability in 0.01..=1.0_f64) {
            let kind = FaultKind::Intermittent { probability };
            let once = verdicts(&mut faults(kind.clone(), seed), 50);
            prop_assert_eq!(once, verdicts(&mut faults(kind, seed), 50));
        }

        #[test]
        fn a_failing_service_fails_about_as_often_as_it_should(seed: u64) {
            let mut failing = faults(FaultKind::Intermittent { probability: 0.5 }, seed);
            let verdicts = verdicts(&mut failing, 2000);
            let failed = verdicts.iter().filter(|verdict| **verdict == Verdict::Fail).count();
            // Ten standard deviations (22) around the mean.
            prop_assert!((780..=1220).contains(&failed), "{}", failed);
            prop_assert_eq!(failing.report().account.hits, failed as u64);
        }

        #[test]
        fn a_delay_stays_within_its_jitter(seed: u64, delay_ms in 1..5000_u64, share in 0.0..1.0) {
            let jitter_ms = (delay_ms as f64 * share) as u64;
            let mut slow = faults(FaultKind::Latency { delay_ms, jitter_ms }, seed);
            let (least, most) = (delay_ms - jitter_ms, delay_ms + jitter_ms);
            for verdict in verdicts(&mut slow, 20) {
                let Verdict::Delay(delay) = verdict else { panic!("{verdict:?}") };
                prop_assert!(delay >= Duration::from_millis(least), "{:?}", delay);
                prop_assert!(delay <= Duration::from_millis(most), "{:?}", delay);
            }
        }
    }
}
