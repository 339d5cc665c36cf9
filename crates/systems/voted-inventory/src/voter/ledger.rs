//! What votes have shown, added up: figures for people, and findings for the monitor.
//!
//! Findings are added up until the monitor takes them, so that nothing queues while it is away.

use std::collections::BTreeMap;
use std::time::Duration;

use standfast_tactics::outlier::{Among, Floor};
use standfast_tactics::vote::Standing;

use super::super::monitor::{Dissent, Finding};
use super::latencies::Latencies;
use super::question::Mark;
use super::suspicion::{Change, Suspicions};

/// A replica's latency is that of its last so many calls.
const LATENCIES_COMPARED: usize = 20;

/// Products in one finding; of more, the first ones say enough.
const PRODUCTS_MAX: usize = 16;

/// How latencies are compared, and what clears a replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) outlier_sigmas: f64,
    pub(super) outlier_floor: Duration,
    pub(super) agreements_to_clear: u32,
    /// What is held against a call that was not answered.
    pub(super) vote_timeout: Duration,
}

/// The votes so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes {
    pub(super) agreed: u64,
    pub(super) refused: u64,
    /// Decided while somebody who counts had not spoken.
    pub(super) early: u64,
    /// Calls to replicas that were behind.
    pub(super) asked_again: u64,
    pub(super) took: Latencies,
}

/// What one replica did in them.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    pub(super) agreed: u64,
    pub(super) dissented: u64,
    pub(super) lagged: u64,
    pub(super) ahead: u64,
    pub(super) unjudged: u64,
    pub(super) failed: u64,
    pub(super) silent: u64,
    pub(super) absent: u64,
    /// Spoke after the decision.
    pub(super) late: u64,
    pub(super) took: Latencies,
}

/// How a vote ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) is_agreed: bool,
    pub(super) is_early: bool,
    pub(super) took: Duration,
}

#[derive(Clone, Debug, Default)]
struct Untold {
    answers: u64,
    failures: u64,
    dissents: BTreeMap<String, u64>,
    cleared: Vec<String>,
}

/// What came of the marks of a vote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) changes: Vec<(usize, Change)>,
    /// Whether the monitor should know at once.
    pub(super) is_urgent: bool,
}

/// The sum of all votes.
#[derive(Debug)]
pub(super) struct Ledger {
    rules: Rules,
    pub(super) votes: Votes,
    pub(super) deeds: Vec<Deeds>,
    pub(super) suspicions: Suspicions,
    untold: Vec<Untold>,
}

impl Ledger {
    pub(super) fn new(replicas: usize, rules: Rules) -> Self {
        Self {
            rules,
            votes: Votes::default(),
            deeds: vec![Deeds::default(); replicas],
            suspicions: Suspicions::new(replicas, rules.agreements_to_clear),
            untold: vec![Untold::default(); replicas],
        }
    }

    /// Takes the end of a vote that a client asked for.
    pub(super) fn ended(&mut self, ended: Ended) {
        let votes = &mut self.votes;
        let outcome = if ended.is_agreed { &mut votes.agreed } else { &mut votes.refused };
        *outcome += 1;
        votes.early += u64::from(ended.is_agreed && ended.is_early);
        votes.took.record(ended.took);
    }

    /// Takes what each replica did in a vote, once all have spoken or had the time to.
    pub(super) fn marked(&mut self, marks: &[Mark]) -> News {
        let mut news = News::default();
        for (replica, mark) in marks.iter().enumerate() {
            self.add(replica, mark);
            for product in &mark.dissents_on {
                let change = self.suspicions.dissented(replica, product);
                news.changes.extend(change.map(|change| (replica, change)));
                let Untold { dissents, cleared, .. } = &mut self.untold[replica];
                cleared.retain(|one| one != product);
                if dissents.len() < PRODUCTS_MAX || dissents.contains_key(product) {
                    *dissents.entry(product.clone()).or_insert(0) += 1;
                }
                news.is_urgent = true;
            }
            for product in &mark.agrees_on {
                let agreement = self.suspicions.agreed(replica, product);
                news.changes.extend(agreement.change.map(|change| (replica, change)));
                if agreement.is_cleared {
                    self.untold[replica].cleared.push(product.clone());
                    news.is_urgent = true;
                }
            }
        }
        news
    }

    fn add(&mut self, replica: usize, mark: &Mark) {
        let (deeds, untold) = (&mut self.deeds[replica], &mut self.untold[replica]);
        let count = match mark.standing {
            Standing::Agrees => &mut deeds.agreed,
            Standing::Dissents => &mut deeds.dissented,
            Standing::Lags { .. } => &mut deeds.lagged,
            Standing::Ahead { .. } => &mut deeds.ahead,
            Standing::Unjudged => &mut deeds.unjudged,
            Standing::Failed => &mut deeds.failed,
            Standing::Silent => &mut deeds.silent,
            Standing::Absent => &mut deeds.absent,
        };
        *count += 1;
        deeds.late += u64::from(mark.is_late);
        match mark.standing {
            Standing::Absent => {}
            Standing::Failed | Standing::Silent => {
                untold.failures += 1;
                // A refusal is quick; silence took all the time there was.
                deeds.took.record(mark.after.unwrap_or(self.rules.vote_timeout));
            }
            Standing::Agrees
            | Standing::Dissents
            | Standing::Lags { .. }
            | Standing::Ahead { .. }
            | Standing::Unjudged => {
                untold.answers += 1;
                deeds.took.record(mark.after.unwrap_or(self.rules.vote_timeout));
            }
        }
    }

    /// The replicas whose latency lies apart from that of the others. Each is measured against the
    /// others: among three values, none is ever two deviations from the mean of all.
    pub(super) fn outliers(&self) -> Vec<usize> {
        let recent = |deeds: &Deeds| deeds.took.recent_mean(LATENCIES_COMPARED);
        let means: Option<Vec<f64>> = self.deeds.iter().map(recent).collect();
        let Some(means) = means else { return Vec::new() };
        let floor = Floor { absolute: self.rules.outlier_floor.as_secs_f64(), relative: 1.0 };
        let found = Among::LeaveOneOut { sigmas: self.rules.outlier_sigmas }.find(&means, floor);
        // One that is quicker than the others is none that anybody minds.
        let is_slow = |one: &usize| means.iter().filter(|mean| **mean < means[*one]).count() > 0;
        found.into_iter().filter(is_slow).collect()
    }

    /// What the monitor has not been told yet.
    pub(super) fn take_findings(&mut self, names: &[String]) -> Vec<Finding> {
        let outliers = self.outliers();
        let untold = self.untold.iter_mut().zip(names).enumerate();
        let findings = untold.map(|(replica, (untold, name))| {
            let Untold { answers, failures, dissents, cleared } = std::mem::take(untold);
            let dissent = |(product, times)| Dissent { product, times };
            let dissents = dissents.into_iter().map(dissent).collect();
            let is_outlier = outliers.contains(&replica);
            Finding { replica: name.clone(), answers, failures, dissents, cleared, is_outlier }
        });
        findings.filter(Finding::is_news).collect()
    }
}

#[cfg(test)]
mod tests;
