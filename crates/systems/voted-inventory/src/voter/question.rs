//! One question to all replicas as a pure state machine: what they say comes in, whom to ask again
//! and at most one decision come out.
//!
//! A statement is about one product at one version, and stays true when the product moves on: so a
//! replica may make several, and two replicas agree as soon as they have said the same of *some*
//! version. Under writes the replicas are rarely at the same version at the same time; the one that
//! is behind is asked again, for the version that another one has spoken of. A version that is a
//! lie costs nothing then but a call that nobody waits for.

use std::collections::BTreeSet;
use std::time::Duration;

use standfast_tactics::vote::{Ballot, Exact, Panel, Reply, Seat, Standing, Terms, Undecided};
use tokio::time::Instant;

use super::statement::{Statement, Stock, at_offset, version_of};

/// Replies of one replica in one vote; further ones would come too late to help.
const REPLIES_MAX: usize = 4;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    One(String),
    All,
}

/// What a replica replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// All that it knows about the subject, by product. One that is not there does not exist.
    Stock(Vec<Statement>),
    /// It has no answer.
    Failed,
    /// It had too little time for that to mean anything.
    Unasked,
}

/// A replica that should be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) replica: usize,
    /// It should have applied the log up to here before it answers.
    pub(super) version_min: i64,
}

/// What a majority said of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) product: String,
    /// Nothing when there is no such product.
    pub(super) stock: Option<u32>,
    pub(super) version: i64,
    /// How many had said so by then.
    pub(super) votes: usize,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// For a list, product by product: each is right, and two may be of different moments.
    Agreed(Vec<Settled>),
    NoQuorum(Undecided),
}

/// What a replica did in a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The worst over all products.
    pub(super) standing: Standing,
    pub(super) is_late: bool,
    pub(super) is_shadow: bool,
    /// From the opening to its first reply.
    pub(super) after: Option<Duration>,
    pub(super) agrees_on: Vec<String>,
    pub(super) dissents_on: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Voice {
    answers: Vec<(Instant, Vec<Statement>)>,
    failed_at: Option<Instant>,
    was_cut_short: bool,
    outstanding: usize,
    asked_for: BTreeSet<i64>,
}

/// A question that was put to the replicas.
#[derive(Debug)]
pub(super) struct Question {
    panel: Panel,
    subject: Subject,
    terms: Terms,
    seats: Vec<Seat>,
    voices: Vec<Voice>,
    ending: Option<(Ending, Instant)>,
}

impl Question {
    /// The replicas that have a seat are being asked. It may have ended already: with too few
    /// seats that count, nothing can be agreed on.
    pub(super) fn open(panel: Panel, subject: Subject, terms: Terms, seats: Vec<Seat>) -> Self {
        let voice = |seat: &Seat| Voice {
            outstanding: usize::from(*seat != Seat::Absent),
            ..Voice::default()
        };
        let voices = seats.iter().map(voice).collect();
        let mut question = Self { panel, subject, terms, seats, voices, ending: None };
        question.decide(terms.opened_at);
        question
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref().map(|(ending, _)| ending)
    }

    /// A reply; answers who is to be asked again because of it.
    pub(super) fn take(&mut self, replica: usize, said: Said, now: Instant) -> Vec<Again> {
        let voice = &mut self.voices[replica];
        voice.outstanding = voice.outstanding.saturating_sub(1);
        match said {
            Said::Stock(statements) => voice.answers.push((now, statements)),
            Said::Failed => voice.failed_at = voice.failed_at.or(Some(now)),
            Said::Unasked => voice.was_cut_short = true,
        }
        if self.ending.is_some() {
            return Vec::new();
        }
        if now >= self.terms.deadline {
            self.expire(now);
            return Vec::new();
        }
        if let Some(agreed) = self.agreed() {
            self.ending = Some((Ending::Agreed(agreed), now));
            return Vec::new();
        }
        let again = self.again();
        self.decide(now);
        again
    }

    /// Gives the replicas more time: the asker itself had stood still.
    pub(super) fn extend(&mut self, deadline: Instant) {
        self.terms.deadline = self.terms.deadline.max(deadline);
    }

    /// Ends the question if nobody has.
    pub(super) fn expire(&mut self, now: Instant) {
        let ending = Ending::NoQuorum(Undecided::Deadline);
        self.ending.get_or_insert((ending, now));
    }

    /// Gives up as soon as waiting is of no use.
    fn decide(&mut self, now: Instant) {
        let counting = || {
            let seats = self.seats.iter().zip(&self.voices);
            seats.filter(|(seat, _)| **seat == Seat::Counts).map(|(_, voice)| voice)
        };
        let is_able = |voice: &&Voice| voice.outstanding > 0 || !voice.answers.is_empty();
        let is_reachable = counting().filter(is_able).count() >= self.panel.required();
        let is_over = counting().all(|voice| voice.outstanding == 0);
        if !is_reachable || is_over {
            let ending = Ending::NoQuorum(Undecided::Unreachable);
            self.ending.get_or_insert((ending, now));
        }
    }

    /// What is settled, if all is.
    fn agreed(&self) -> Option<Vec<Settled>> {
        let answered = self.voices.iter().filter(|voice| !voice.answers.is_empty()).count();
        if answered < self.panel.required() {
            return None;
        }
        let products = self.products();
        let settled = products.iter().map(|product| self.settled(product));
        let settled: Option<Vec<Settled>> = settled.collect();
        // What a majority does not know of is no product of a list.
        let is_listed =
            |one: &Settled| matches!(self.subject, Subject::One(_)) || one.stock.is_some();
        settled.map(|all| all.into_iter().filter(is_listed).collect())
    }

    /// The newest version on which a majority agrees.
    fn settled(&self, product: &str) -> Option<Settled> {
        let mut versions: BTreeSet<i64> =
            self.counted().flat_map(|voice| voice.versions_of(product)).collect();
        if versions.is_empty() {
            versions.insert(at_offset(self.terms.version_min));
        }
        versions.iter().rev().find_map(|version| {
            let ballot = self.ballot(product, *version);
            let (stock, decided) = ballot.answer()?;
            let votes = ballot.tally().who(|standing| standing == Standing::Agrees);
            let votes = votes.iter().filter(|replica| self.seats[**replica] == Seat::Counts);
            let (product, stock, votes) = (product.to_owned(), *stock, votes.count());
            Some(Settled { product, stock, version: at_offset(decided), votes })
        })
    }

    /// The vote on what was said about a product at `version`. Who spoke of other versions only has
    /// its last word taken.
    fn ballot(&self, product: &str, version: i64) -> Ballot<Option<u32>, Exact> {
        let mut replies = Vec::new();
        for (replica, voice) in self.voices.iter().enumerate() {
            let reply = voice.reply_about(product, version);
            replies.extend(reply.map(|(at, reply)| (at, replica, reply)));
        }
        replies.sort_by_key(|(at, replica, _)| (*at, *replica));
        let mut ballot = Ballot::open(self.panel, Exact, self.terms, &self.seats);
        for (at, replica, reply) in replies {
            ballot.take(replica, reply, at);
        }
        ballot
    }

    fn again(&mut self) -> Vec<Again> {
        let products = self.products();
        let undecided: Vec<&String> =
            products.iter().filter(|product| self.settled(product).is_none()).collect();
        let mut again = Vec::new();
        for replica in 0..self.voices.len() {
            let voice = &self.voices[replica];
            let replies = voice.asked_for.len() + 1;
            if self.seats[replica] != Seat::Counts
                || voice.answers.is_empty()
                || replies >= REPLIES_MAX
            {
                continue;
            }
            let ahead = undecided.iter().filter_map(|product| self.next_above(replica, product));
            let Some(version_min) = ahead.max() else { continue };
            let voice = &mut self.voices[replica];
            if voice.asked_for.insert(version_min) {
                voice.outstanding += 1;
                again.push(Again { replica, version_min });
            }
        }
        again
    }

    /// The lowest version of `product` that others have spoken of and `replica` has not reached,
    /// nor been asked for: the lowest, since the highest may be a lie.
    fn next_above(&self, replica: usize, product: &str) -> Option<i64> {
        let voice = &self.voices[replica];
        let reached = voice.versions_of(product).max()?;
        let others = self.counted().flat_map(|other| other.versions_of(product));
        let is_news = |version: &i64| *version > reached && !voice.asked_for.contains(version);
        others.filter(is_news).min()
    }

    fn counted(&self) -> impl Iterator<Item = &Voice> {
        let seats = self.seats.iter().zip(&self.voices);
        seats.filter(|(seat, _)| **seat == Seat::Counts).map(|(_, voice)| voice)
    }

    fn products(&self) -> BTreeSet<String> {
        match &self.subject {
            Subject::One(product) => BTreeSet::from([product.clone()]),
            Subject::All => {
                let answers = self.counted().flat_map(|voice| &voice.answers);
                let all = answers.flat_map(|(_, statements)| statements);
                all.map(|one| one.product.clone()).collect()
            }
        }
    }

    /// Who did what so far.
    pub(super) fn marks(&self) -> Vec<Mark> {
        let mut marks: Vec<Mark> =
            (0..self.voices.len()).map(|replica| self.unjudged(replica)).collect();
        let Some((Ending::Agreed(settled), _)) = &self.ending else { return marks };
        for one in settled {
            let tally = self.ballot(&one.product, one.version).tally();
            for (mark, score) in marks.iter_mut().zip(&tally.scores) {
                match score.standing {
                    Standing::Agrees => mark.agrees_on.push(one.product.clone()),
                    Standing::Dissents => mark.dissents_on.push(one.product.clone()),
                    Standing::Lags { .. }
                    | Standing::Ahead { .. }
                    | Standing::Unjudged
                    | Standing::Failed
                    | Standing::Silent
                    | Standing::Absent => {}
                }
                if severity(score.standing) > severity(mark.standing) {
                    mark.standing = score.standing;
                }
            }
        }
        marks
    }

    fn unjudged(&self, replica: usize) -> Mark {
        let (seat, voice) = (self.seats[replica], &self.voices[replica]);
        let replied_at = voice.answers.first().map(|(at, _)| *at).or(voice.failed_at);
        let is_decided = |at: Instant| self.ending.as_ref().is_some_and(|(_, ended)| *ended < at);
        let standing = match (seat, replied_at) {
            (Seat::Absent, _) => Standing::Absent,
            (Seat::Counts | Seat::Shadow, None) if voice.was_cut_short => Standing::Absent,
            (Seat::Counts | Seat::Shadow, None) => Standing::Silent,
            (Seat::Counts | Seat::Shadow, Some(_)) if voice.answers.is_empty() => Standing::Failed,
            (Seat::Counts | Seat::Shadow, Some(_)) => Standing::Unjudged,
        };
        Mark {
            standing,
            is_late: replied_at.is_some_and(is_decided),
            is_shadow: seat == Seat::Shadow,
            after: replied_at.map(|at| at.saturating_duration_since(self.terms.opened_at)),
            agrees_on: Vec::new(),
            dissents_on: Vec::new(),
        }
    }
}

impl Voice {
    fn about<'a>(&'a self, product: &'a str) -> impl Iterator<Item = (Instant, Option<Stock>)> {
        self.answers.iter().map(move |(at, statements)| {
            let found = statements.binary_search_by(|one| one.product.as_str().cmp(product));
            (*at, found.ok().map(|place| statements[place].stock))
        })
    }

    fn versions_of<'a>(&'a self, product: &'a str) -> impl Iterator<Item = i64> {
        self.about(product).filter_map(|(_, stock)| Some(stock?.version))
    }

    fn reply_about(&self, product: &str, version: i64) -> Option<(Instant, Reply<Option<u32>>)> {
        let first = self.about(product).find(|(_, stock)| match stock {
            Some(stock) => stock.version == version,
            // Products neither come nor go: to know of none is a statement about every version.
            None => true,
        });
        let (at, stock) = match first.or_else(|| self.about(product).last()) {
            Some(answer) => answer,
            None => return self.failed_at.map(|at| (at, Reply::Failed)),
        };
        let version = version_of(stock.map_or(version, |stock| stock.version));
        Some((at, Reply::at(version, stock.map(|stock| stock.units))))
    }
}

/// A replica is judged by the worst that it said.
fn severity(standing: Standing) -> u8 {
    match standing {
        Standing::Absent | Standing::Silent | Standing::Failed | Standing::Unjudged => 0,
        Standing::Agrees => 1,
        Standing::Ahead { .. } => 2,
        Standing::Lags { .. } => 3,
        Standing::Dissents => 4,
    }
}

#[cfg(test)]
mod tests;
