//! Holds votes: asks the replicas at once, answers with the majority, listens to the others a while
//! longer, and takes down what each of them did.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use standfast_tactics::circuit_breaker::{Mode, Permit};
use standfast_tactics::deadline::Deadline;
use standfast_tactics::vote::{Seat, Standing, Terms, Undecided};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::ledger::{Ended, Ledger, Rules};
use super::marks::Marks;
use super::question::{Again, Ending, Mark, Question, Said, Settled, Subject};
use super::replica::{Ask, Replica};
use super::seats::{View, seats};
use super::settings::Settings;
use super::statement::version_of;
use super::suspicion::Change;
use crate::service::events;
use crate::service::peer::own_pause;

/// Votes that are over and still listened to. Of more, what the slow ones say is lost, which costs
/// no answer.
const LISTENING_MAX: usize = 256;

/// What a client asks.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) subject: Subject,
    /// What it has seen already.
    pub(super) version_min: Option<i64>,
    pub(super) deadline: Deadline,
}

/// Who wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Answer,
    /// Nobody: it gives a replica the occasion to prove itself, and is in no figure of votes.
    Probation,
}

/// What a majority said.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) settled: Vec<Settled>,
    /// How many said so, of the product on which the fewest did.
    pub(super) votes: usize,
    /// How many there are to ask.
    pub(super) panel: usize,
    /// Names of those who had said something else by then.
    pub(super) dissenters: Vec<String>,
}

/// A vote without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: {required} of {} had to agree; {}", standings.len(), standings.join(", "))]
pub(super) struct NoQuorum {
    pub(super) why: Undecided,
    pub(super) required: usize,
    pub(super) standings: Vec<String>,
}

/// The replicas, and what is known of them.
#[derive(Debug)]
pub(super) struct Voter {
    pub(super) settings: Settings,
    pub(super) replicas: Vec<Arc<Replica>>,
    pub(super) names: Vec<String>,
    /// Told when the monitor should hear something at once.
    pub(super) urgent: Notify,
    marks: Mutex<Marks>,
    ledger: Mutex<Ledger>,
    listening: Mutex<JoinSet<()>>,
    pub(super) turn: AtomicUsize,
}

/// A vote that is being held.
struct Round {
    question: Question,
    subject: Arc<Subject>,
    deadline: Deadline,
    is_fair: bool,
    /// Whether we stood still, and gave them time for that.
    is_extended: bool,
    calls: JoinSet<(usize, Said)>,
}

/// What a replica is asked with.
pub(super) type Leave = (Option<Permit>, Option<OwnedSemaphorePermit>);

impl Voter {
    pub(super) fn new(mut settings: Settings, seed: u64) -> Self {
        let tactics = settings.tactics;
        let mode = if tactics.circuit_breaker { Mode::Automatic } else { Mode::MetricsOnly };
        let addresses = std::mem::take(&mut settings.replicas);
        let names: Vec<String> = addresses.iter().map(|(name, _)| name.clone()).collect();
        let replicas = addresses.into_iter().zip(0_u64..).map(|((name, address), number)| {
            let seed = seed.wrapping_add(number);
            Arc::new(Replica::new(name, address, settings.calls_max, mode, seed))
        });
        let rules = Rules {
            outlier_sigmas: settings.outlier_sigmas,
            outlier_floor: settings.outlier_floor,
            agreements_to_clear: u32::try_from(settings.agreements_to_clear).unwrap_or(u32::MAX),
            vote_timeout: settings.vote_timeout,
        };
        Self {
            replicas: replicas.collect(),
            urgent: Notify::new(),
            marks: Mutex::new(Marks::new(names.len(), settings.marks_valid)),
            ledger: Mutex::new(Ledger::new(names.len(), rules)),
            listening: Mutex::new(JoinSet::new()),
            turn: AtomicUsize::new(0),
            names,
            settings,
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers `request` with what a majority says.
    pub(super) async fn hold(
        self: &Arc<Self>,
        request: Request,
        purpose: Purpose,
    ) -> Result<Answer, NoQuorum> {
        let opened_at = Instant::now();
        let mut round = self.open(&request, opened_at);
        while round.question.ending().is_none() {
            round.listen(self).await;
        }
        let marks = round.question.marks();
        let result = self.result(&round.question, &marks);
        if purpose == Purpose::Answer {
            let is_agreed = result.is_ok();
            let counts = |seat: &Seat, mark: &Mark| *seat == Seat::Counts && mark.after.is_none();
            let seats = round.question.seats().iter().zip(&marks);
            let is_early = seats.filter(|(seat, mark)| counts(seat, mark)).count() > 0;
            self.ledger().ended(Ended { is_agreed, is_early, took: opened_at.elapsed() });
        }
        self.score(round, marks);
        result
    }

    fn open(self: &Arc<Self>, request: &Request, opened_at: Instant) -> Round {
        let (seats, leaves) = self.seat(opened_at);
        let deadline = request.deadline.cap(opened_at, self.settings.vote_timeout);
        let terms = Terms {
            opened_at,
            deadline: deadline.instant(),
            version_min: request.version_min.map_or(0, version_of),
        };
        // With half of the usual time, silence may be the client's haste.
        let is_fair = deadline.remaining(opened_at) * 2 >= self.settings.vote_timeout;
        let question = Question::open(self.settings.panel, request.subject.clone(), terms, seats);
        let (subject, calls) = (Arc::new(request.subject.clone()), JoinSet::new());
        let mut round = Round { question, subject, deadline, is_fair, is_extended: false, calls };
        if round.question.ending().is_none() {
            for (replica, leave) in leaves.into_iter().enumerate() {
                if round.question.seats()[replica] != Seat::Absent {
                    let again = Again { replica, version_min: request.version_min.unwrap_or(-1) };
                    round.ask(self, again, leave);
                }
            }
        }
        round
    }

    /// Who counts, who is only heard, who is not asked; and the leave to ask them.
    pub(super) fn seat(&self, now: Instant) -> (Vec<Seat>, Vec<Leave>) {
        let off = if self.settings.tactics.detect {
            self.marks().off(now)
        } else {
            vec![false; self.replicas.len()]
        };
        let permits: Vec<Option<Permit>> =
            self.replicas.iter().map(|replica| replica.breaker.try_acquire().ok()).collect();
        let views = permits.iter().zip(off);
        let views: Vec<View> =
            views.map(|(permit, is_off)| View { is_off, is_admitted: permit.is_some() }).collect();
        let mut seats = seats(&views, self.settings.panel.required());
        let mut leaves: Vec<Leave> = permits.into_iter().map(|permit| (permit, None)).collect();
        for (replica, seat) in seats.iter_mut().enumerate() {
            if *seat == Seat::Shadow {
                let place = Arc::clone(&self.replicas[replica].shadow).try_acquire_owned();
                match place {
                    Ok(place) => leaves[replica].1 = Some(place),
                    Err(_) => *seat = Seat::Absent,
                }
            }
        }
        (seats, leaves)
    }

    fn result(&self, question: &Question, marks: &[Mark]) -> Result<Answer, NoQuorum> {
        let required = self.settings.panel.required();
        let named = || self.names.iter().zip(marks);
        match question.ending().expect("it was held to its end") {
            Ending::Agreed(settled) => {
                let dissented = |mark: &Mark| mark.standing == Standing::Dissents;
                let dissenters = named().filter(|(_, mark)| dissented(mark));
                Ok(Answer {
                    votes: settled.iter().map(|one| one.votes).min().unwrap_or(required),
                    panel: self.names.len(),
                    settled: settled.clone(),
                    dissenters: dissenters.map(|(name, _)| name.clone()).collect(),
                })
            }
            Ending::NoQuorum(why) => {
                let standings = named().map(|(name, mark)| format!("{name} {:?}", mark.standing));
                Err(NoQuorum { why: *why, required, standings: standings.collect() })
            }
        }
    }

    /// Listens to those who are slower, and takes down what everybody did.
    fn score(self: &Arc<Self>, mut round: Round, marks: Vec<Mark>) {
        if round.calls.is_empty() {
            self.take_down(&marks);
            return;
        }
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        while listening.try_join_next().is_some() {}
        if listening.len() >= LISTENING_MAX {
            return;
        }
        let voter = Arc::clone(self);
        listening.spawn(async move {
            // Every call ends by its own deadline.
            while let Some(joined) = round.calls.join_next().await {
                round.take(&voter, joined);
            }
            voter.take_down(&round.question.marks());
        });
    }

    fn take_down(&self, marks: &[Mark]) {
        let news = self.ledger().marked(marks);
        for (replica, change) in news.changes {
            self.tell(replica, change);
        }
        if news.is_urgent {
            self.urgent.notify_one();
        }
    }

    /// Reports a change of what is held of a replica.
    pub(super) fn tell(&self, replica: usize, change: Change) {
        let name = &self.names[replica];
        let accused: Vec<String> =
            self.ledger().suspicions.of(replica).map(str::to_owned).collect();
        let event = match change {
            Change::Detected => "detected",
            Change::Recovered => "recovered",
        };
        tracing::info!(replica = name, event, ?accused, "vote");
        events::report(event, name, json!({ "by": "vote", "products": accused }));
    }
}

impl Round {
    fn ask(&mut self, voter: &Voter, again: Again, leave: Leave) {
        let Again { replica: number, version_min } = again;
        let replica = Arc::clone(&voter.replicas[number]);
        let ask = Ask {
            subject: Arc::clone(&self.subject),
            version_min: (version_min >= 0).then_some(version_min),
            deadline: self.deadline,
            is_fair: self.is_fair,
        };
        self.calls.spawn(async move {
            let (permit, _place) = leave;
            (number, replica.ask(&ask, permit).await)
        });
    }

    /// Takes the next reply, or the news that it is too late for one.
    async fn listen(&mut self, voter: &Voter) {
        match timeout_at(self.deadline.instant(), self.calls.join_next()).await {
            Ok(Some(joined)) => self.take(voter, joined),
            Ok(None) => self.question.expire(Instant::now()),
            Err(_) => match own_pause(self.deadline, Instant::now()) {
                Some(grace) if !self.is_extended => {
                    (self.deadline, self.is_extended) = (grace, true);
                    self.question.extend(grace.instant());
                }
                Some(_) | None => self.question.expire(Instant::now()),
            },
        }
    }

    fn take(&mut self, voter: &Voter, joined: Result<(usize, Said), JoinError>) {
        let (replica, said) = match joined {
            Ok(reply) => reply,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return,
            },
        };
        let again = self.question.take(replica, said, Instant::now());
        if !again.is_empty() {
            voter.ledger().votes.asked_again += again.len() as u64;
        }
        for again in again {
            self.ask(voter, again, (None, None));
        }
    }
}

#[cfg(test)]
mod tests;
