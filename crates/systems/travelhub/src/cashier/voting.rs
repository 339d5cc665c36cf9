//! Holds votes: asks all replicas at once under both names, charges what three of five sign, and
//! goes on listening to the others to see how they behave.
//!
//! The answer waits for the third that agrees and for nobody else. Who has been seen to lie by then
//! is named in it; who is slower is found out a moment later, in the same vote.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::vote::{Decision, Seat, Terms, Undecided};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::super::wire::{Money, Quote, SignedStatement};
use super::examine::Heard;
use super::replica::{Question, Replica};
use super::roster::{Change, Roster};
use super::round::{Asker, Conduct, Round};
use super::settings::{FAULTS_MAX, Settings};
use crate::service::events;
use crate::service::peer::own_pause;

/// Votes that are over and still listened to. Of more, what the slow ones say is lost, which costs
/// no answer.
const LISTENING_MAX: usize = 256;

/// The ballot itself never closes before the vote does: its deadline may be extended.
const BALLOT_OPEN_MAX: Duration = Duration::from_secs(3600);

/// What three of five signed.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    pub(super) attempt: Uuid,
    pub(super) amount: Money,
    pub(super) statements: Vec<SignedStatement>,
    /// Who had been seen to say something else by then.
    pub(super) dissenters: Vec<String>,
}

/// Why nothing is charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(
        "{why}: {required} of {} had to sign one amount, and \
         {FAULTS_MAX} may be wrong or silent; {}",
        standings.len(),
        standings.join(", ")
    )]
    NoQuorum { why: Undecided, required: usize, standings: Vec<String> },
    #[error("{replica} gave no answer that can be believed, and no other is asked")]
    Alone { replica: String },
    #[error(
        "{proven} replicas are known to lie, and {replicas} mask {FAULTS_MAX}: whatever they \
         agree on may be a lie"
    )]
    Beyond { proven: usize, replicas: usize },
}

/// Who wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Charge,
    /// Nobody: it gives a replica the occasion to prove itself, and is in no figure of votes.
    Probation,
}

/// The votes so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Votes {
    pub(super) agreed: u64,
    pub(super) no_quorum: u64,
    pub(super) beyond: u64,
    pub(super) probation: u64,
    /// Replicas that were accused of something for the first time, or again.
    pub(super) detected: u64,
    /// The last vote that had its time came to nothing: more replicas than can be masked were wrong
    /// or silent in it.
    pub(super) is_undecided: bool,
}

/// The replicas, and what is known of them.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) settings: Settings,
    pub(super) replicas: Vec<Arc<Replica>>,
    roster: Mutex<Roster>,
    votes: Mutex<Votes>,
    /// Whom a cashier without voting asks next.
    pub(super) turn: AtomicUsize,
    listening: Mutex<JoinSet<()>>,
}

/// A vote that is being held.
struct Holding {
    round: Round,
    question: Arc<Question>,
    deadline: Deadline,
    /// Whether silence says something of a replica.
    is_fair: bool,
    is_extended: bool,
    /// What each was found to do while the vote was open: it is taken down once.
    recorded: BTreeMap<usize, Conduct>,
    calls: JoinSet<Told>,
}

/// What a call brought: nothing when no answer came in time.
type Told = (usize, Asker, Option<Heard>);

impl Collector {
    pub(super) fn new(mut settings: Settings) -> Self {
        let addresses = std::mem::take(&mut settings.replicas);
        let replicas = addresses
            .into_iter()
            .map(|(name, address)| Arc::new(Replica::new(name, address, &settings)))
            .collect::<Vec<_>>();
        let roster = Roster::try_new(replicas.len(), settings.rest);
        let roster = roster.expect("a rest is above zero, and all else is ours");
        Self {
            settings,
            replicas,
            roster: Mutex::new(roster),
            votes: Mutex::default(),
            turn: AtomicUsize::new(0),
            listening: Mutex::new(JoinSet::new()),
        }
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn votes(&self) -> MutexGuard<'_, Votes> {
        self.votes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the replicas find what `quote` comes to.
    pub(super) async fn hold(
        self: &Arc<Self>,
        quote: Quote,
        deadline: Deadline,
        purpose: Purpose,
    ) -> Result<Agreed, Refused> {
        let proven = self.roster().proven();
        if purpose == Purpose::Charge && proven > FAULTS_MAX {
            self.votes().beyond += 1;
            return Err(Refused::Beyond { proven, replicas: self.replicas.len() });
        }
        let mut holding = self.open(quote, deadline, Instant::now());
        while holding.round.decision().is_none() {
            holding.listen().await;
        }
        // What is here already can be named in the answer.
        while let Some(joined) = holding.calls.try_join_next() {
            holding.take(joined);
        }
        self.take_down(&mut holding, false);
        let result = self.result(&holding);
        {
            let mut votes = self.votes();
            let count = match (purpose, &result) {
                (Purpose::Probation, _) => &mut votes.probation,
                (Purpose::Charge, Ok(_)) => &mut votes.agreed,
                (Purpose::Charge, Err(_)) => &mut votes.no_quorum,
            };
            *count += 1;
            if result.is_ok() || holding.is_fair {
                votes.is_undecided = result.is_err();
            }
        }
        self.listen_on(holding);
        result
    }

    fn open(self: &Arc<Self>, quote: Quote, deadline: Deadline, now: Instant) -> Holding {
        let deadline = deadline.cap(now, self.settings.vote_timeout);
        let terms = Terms { opened_at: now, deadline: now + BALLOT_OPEN_MAX, version_min: 0 };
        let seats = self.roster().seats(now);
        let question = Arc::new(Question::new(quote, deadline));
        let (panel, crosses) = (self.settings.panel, self.settings.is_cross_checked);
        let mut holding = Holding {
            round: Round::open(panel, terms, &seats, crosses),
            question,
            deadline,
            // With half of the usual time, silence may be the client's haste.
            is_fair: deadline.remaining(now) * 2 >= self.settings.vote_timeout,
            is_extended: false,
            recorded: BTreeMap::new(),
            calls: JoinSet::new(),
        };
        let askers: &[Asker] =
            if crosses { &[Asker::First, Asker::Second] } else { &[Asker::First] };
        for asker in askers {
            for (number, replica) in self.replicas.iter().enumerate() {
                if seats[number] != Seat::Absent {
                    holding.ask(self, (number, replica), *asker);
                }
            }
        }
        holding
    }

    fn result(&self, holding: &Holding) -> Result<Agreed, Refused> {
        let conducts = holding.round.conducts(false);
        let named = || self.replicas.iter().zip(&conducts);
        match holding.round.decision().expect("it was held to its end") {
            Decision::Agreed { .. } => {
                let (amount, statements) = holding.round.agreed().expect("so it was decided");
                let dissenters = named().filter(|(_, conduct)| conduct.is_proof());
                let dissenters = dissenters.map(|(replica, _)| replica.name.clone()).collect();
                Ok(Agreed { attempt: holding.question.attempt, amount, statements, dissenters })
            }
            Decision::NoQuorum(why) => {
                let standing = |(replica, conduct): (&Arc<Replica>, &Conduct)| {
                    format!("{} {}", replica.name, conduct.name())
                };
                let required = self.settings.panel.required();
                let standings = named().map(standing).collect();
                Err(Refused::NoQuorum { why, required, standings })
            }
        }
    }

    /// Listens to those who are slower, and takes down what everybody did.
    fn listen_on(self: &Arc<Self>, mut holding: Holding) {
        if holding.calls.is_empty() {
            self.take_down(&mut holding, true);
            return;
        }
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        while listening.try_join_next().is_some() {}
        if listening.len() >= LISTENING_MAX {
            return;
        }
        let collector = Arc::clone(self);
        listening.spawn(async move {
            // Every call ends by its own deadline.
            while let Some(joined) = holding.calls.join_next().await {
                holding.take(joined);
                // A lie is named when it is heard, and not when the slowest has spoken.
                collector.take_down(&mut holding, false);
            }
            collector.take_down(&mut holding, true);
        });
    }

    /// Takes down who was seen to lie, and, when the vote `is_over`, what all others did.
    fn take_down(&self, holding: &mut Holding, is_over: bool) {
        let (now, conducts) = (Instant::now(), holding.round.conducts(is_over));
        for (replica, conduct) in conducts.into_iter().enumerate() {
            let missed = matches!(conduct, Conduct::Silent | Conduct::Failed);
            let is_wanted = is_over && (holding.is_fair || !missed) || conduct.is_proof();
            if !is_wanted || holding.recorded.contains_key(&replica) {
                continue;
            }
            holding.recorded.insert(replica, conduct);
            let changes = self.roster().record(replica, conduct, now);
            for change in changes {
                self.tell(replica, change, &holding.question);
            }
        }
    }

    fn tell(&self, replica: usize, change: Change, question: &Question) {
        let name = &self.replicas[replica].name;
        let (event, cause) = match change {
            Change::Detected(conduct) => {
                self.votes().detected += 1;
                ("detected", Some(conduct.name()))
            }
            Change::VotedOut => ("voted-out", None),
            Change::Withheld => ("not-voted-out", None),
            Change::Recovered => ("recovered", None),
        };
        tracing::info!(replica = name, event, cause, "vote");
        let fields = json!({ "by": "vote", "cause": cause, "attempt": question.attempt });
        events::report(event, name, fields);
    }
}

impl Holding {
    fn ask(&mut self, collector: &Collector, replica: (usize, &Arc<Replica>), asker: Asker) {
        let (number, replica) = (replica.0, Arc::clone(replica.1));
        let (question, cashier) = (Arc::clone(&self.question), collector.settings.name.clone());
        self.calls
            .spawn(async move { (number, asker, replica.ask(&question, asker, &cashier).await) });
    }

    /// Takes the next answer, or the news that it is too late for one.
    async fn listen(&mut self) {
        match timeout_at(self.deadline.instant(), self.calls.join_next()).await {
            Ok(Some(joined)) => self.take(joined),
            Ok(None) => self.expire(),
            Err(_) => match own_pause(self.deadline, Instant::now()) {
                // It was we who stood still: what has come in meanwhile is read.
                Some(grace) if !self.is_extended => {
                    (self.deadline, self.is_extended) = (grace, true);
                    self.is_fair = false;
                }
                Some(_) | None => self.expire(),
            },
        }
    }

    fn expire(&mut self) {
        self.round.expire(Instant::now() + BALLOT_OPEN_MAX);
    }

    fn take(&mut self, joined: Result<Told, JoinError>) {
        match joined {
            Ok((replica, asker, Some(heard))) => {
                self.round.take(replica, asker, heard, Instant::now());
            }
            Ok((_, _, None)) => {}
            Err(ended) => {
                if let Ok(panic) = ended.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}
