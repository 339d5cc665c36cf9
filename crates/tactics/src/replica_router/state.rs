//! Who answers a read, as plain data: callers pass `now`, nothing here waits.

use std::time::Duration;

use tokio::time::Instant;

use super::demand::{Demand, Shown, Wish};
use super::policy::{Policy, PolicyError};
use super::replica::{Change, Look, Replica, Standing, Why};
use crate::retry::Budget;
use crate::session_token::LogPosition;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Who takes the writes.
    Primary,
    /// The replica of this number.
    Replica(usize),
}

/// A read that was let go to somebody; to be given back by [`ReplicaRouter::finish`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a ticket that is not given back counts as a read that goes on for ever"]
pub struct Ticket {
    target: Target,
    required: LogPosition,
}

impl Ticket {
    /// Who is to answer.
    pub fn target(&self) -> Target {
        self.target
    }
}

/// What becomes of a read.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// It goes to the ticket's target.
    Go(Ticket),
    /// A replica is nearly there: to be asked again when something is known, at the latest then.
    Wait {
        /// When it no longer waits.
        until: Instant,
    },
    /// Nobody can answer it.
    Refuse(Refusal),
}

/// Why nobody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only the primary could.
    #[error("no replica is recent enough for this read, and the primary is away")]
    PrimaryAway,
    /// The primary answers as many reads in place of replicas as it may.
    #[error("no replica is recent enough for this read, and the primary answers too many already")]
    BudgetSpent,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is an answer.
    Answered(Shown),
    /// There is none, and it was the target's fault.
    Failed,
    /// Nothing is known: the caller gave up.
    Abandoned,
}

/// An answer that must not be used: the replica went back since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer shows the log up to {shows}, and {required} was asked for: read again")]
pub struct FellShort {
    /// What it shows.
    pub shows: LogPosition,
    /// What it had to show.
    pub required: LogPosition,
}

/// Decides for each read who answers it.
#[derive(Clone, Debug)]
pub struct ReplicaRouter {
    policy: Policy,
    replicas: Vec<Replica>,
    is_primary_away: bool,
    budget: Budget,
    /// Where the search for a replica begins, so that equals take turns.
    turn: usize,
}

impl ReplicaRouter {
    /// A router of `replicas` of which nothing is known: none is read before a first look.
    ///
    /// # Errors
    /// When a number of `policy` makes no sense.
    pub fn try_new(replicas: usize, policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        let budget = Budget::try_new(policy.fallback)?;
        let replicas = (0..replicas).map(|_| Replica::new(&policy)).collect();
        Ok(Self { policy, replicas, is_primary_away: false, budget, turn: 0 })
    }

    /// The primary acknowledged heartbeat `beat` at `now`.
    pub fn acknowledged(&mut self, beat: u64, now: Instant) {
        self.is_primary_away = false;
        for replica in &mut self.replicas {
            replica.acknowledged(beat, now);
        }
    }

    /// The primary does not answer, until it acknowledges something.
    pub fn primary_away(&mut self) {
        self.is_primary_away = true;
    }

    /// What a look at a replica found.
    pub fn looked(&mut self, replica: usize, look: Look, now: Instant) -> Option<Change> {
        self.replicas[replica].look(look, &self.policy, now)
    }

    /// A look at a replica failed.
    pub fn look_failed(&mut self, replica: usize) -> Option<Change> {
        self.replicas[replica].look_failed(&self.policy)
    }

    /// Another server answers in the place of this replica, or its data was made anew: what it
    /// showed no longer counts. After a failover that lost writes this holds for all of them.
    pub fn replaced(&mut self, replica: usize) {
        let in_flight = self.replicas[replica].in_flight;
        self.replicas[replica] = Replica::new(&self.policy);
        self.replicas[replica].in_flight = in_flight;
    }

    /// Who answers a read that was asked for at `asked` and has come to be decided at `now`.
    pub fn route(&mut self, wish: Wish, asked: Instant, now: Instant) -> Route {
        if wish.demand == Demand::Strong {
            return self.primary(wish);
        }
        if let Some(replica) = self.choose(wish, now) {
            self.budget.earn();
            self.turn = replica + 1;
            self.replicas[replica].in_flight += 1;
            let target = Target::Replica(replica);
            return Route::Go(Ticket { target, required: wish.required() });
        }
        let until = asked + self.policy.wait_max;
        if now < until && self.is_any_near(now) {
            return Route::Wait { until };
        }
        if !self.is_primary_away && !self.budget.spend(now) {
            return Route::Refuse(Refusal::BudgetSpent);
        }
        self.primary(wish)
    }

    fn primary(&self, wish: Wish) -> Route {
        if self.is_primary_away {
            return Route::Refuse(Refusal::PrimaryAway);
        }
        Route::Go(Ticket { target: Target::Primary, required: wish.required() })
    }

    /// The one with the fewest reads in flight of those that will do; those that are out for their
    /// lag only when no other will.
    fn choose(&self, wish: Wish, now: Instant) -> Option<usize> {
        let count = self.replicas.len();
        let in_turn = (0..count).map(|step| (self.turn + step) % count);
        let able = in_turn.filter(|index| self.will_do(*index, wish, now));
        able.min_by_key(|index| {
            let replica = &self.replicas[*index];
            (replica.standing() != Standing::In, replica.in_flight)
        })
    }

    fn will_do(&self, index: usize, wish: Wish, now: Instant) -> bool {
        let replica = &self.replicas[index];
        let is_read = match replica.standing() {
            Standing::In | Standing::Out { why: Why::Lag, .. } => true,
            Standing::Out { why: Why::New | Why::Failures | Why::WentBack, .. } => false,
        };
        let is_recent = match wish.demand {
            Demand::Strong => false,
            Demand::MaxLag(age_max) => age_max
                .checked_sub(self.policy.beat_period)
                .is_some_and(|lag_max| replica.is_within(lag_max, now)),
            Demand::AtLeast(_) | Demand::Any => true,
        };
        let comes_up_to = replica.shows() >= wish.required();
        is_read && is_recent && comes_up_to && !replica.is_silent(&self.policy, now)
    }

    /// Whether some replica may be about to show what was committed just now. Its lag is known only
    /// as well as it is looked at, so that this is no question of [`Policy::wait_max`].
    fn is_any_near(&self, now: Instant) -> bool {
        self.replicas.iter().any(|replica| {
            let is_in = replica.standing() == Standing::In;
            let is_near = replica.is_within(self.policy.lag_back, now);
            is_in && is_near && !replica.is_silent(&self.policy, now)
        })
    }

    /// Takes back the ticket of a read that ended.
    ///
    /// # Errors
    /// When the answer shows less than the read asked for, and must not be used. The replica is
    /// out then.
    pub fn finish(&mut self, ticket: Ticket, end: End) -> Result<Option<Change>, FellShort> {
        let Target::Replica(index) = ticket.target else { return Ok(None) };
        let policy = self.policy;
        let replica = &mut self.replicas[index];
        replica.in_flight = replica.in_flight.saturating_sub(1);
        match end {
            End::Answered(shown) if shown.at_least < ticket.required => {
                replica.fell_short(shown.at_least);
                Err(FellShort { shows: shown.at_least, required: ticket.required })
            }
            End::Answered(shown) => {
                replica.answered(shown.at_least);
                Ok(None)
            }
            End::Failed => Ok(replica.read_failed(&policy)),
            End::Abandoned => Ok(None),
        }
    }

    /// Whether a replica is read.
    pub fn standing(&self, replica: usize) -> Standing {
        self.replicas[replica].standing()
    }

    /// How far a replica was when it was last looked at.
    pub fn shows(&self, replica: usize) -> LogPosition {
        self.replicas[replica].shows()
    }

    /// How far a replica is behind what the primary acknowledged.
    pub fn lag(&self, replica: usize, now: Instant) -> Duration {
        self.replicas[replica].lag(now)
    }

    /// All that was acknowledged this long before `now` is in what a replica shows then; `None` if
    /// nobody can tell, since it shows no heartbeat of this router.
    pub fn age(&self, replica: usize, now: Instant) -> Option<Duration> {
        self.replicas[replica].known_lag(now).map(|lag| lag + self.policy.beat_period)
    }

    /// How many reads a replica is answering.
    pub fn in_flight(&self, replica: usize) -> usize {
        self.replicas[replica].in_flight
    }
}
