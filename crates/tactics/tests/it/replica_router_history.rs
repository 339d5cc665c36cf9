//! Histories: replicas that lag, die and go back, and clients that keep what they were promised.

use std::time::Duration;

use proptest::prelude::*;
use standfast_tactics::replica_router::{
    Demand, End, Look, Policy, ReplicaRouter, Route, Session, Shown, Target, Ticket,
};
use standfast_tactics::retry::BudgetPolicy;
use standfast_tactics::session_token::LogPosition;
use tokio::time::Instant;

const REPLICAS: usize = 3;
const CLIENTS: usize = 3;

/// What happens next. Small numbers, so that positions meet.
#[derive(Clone, Debug)]
enum Event {
    Write {
        client: usize,
    },
    Replay {
        replica: usize,
        bytes: u64,
    },
    /// `kill -9`: it comes back with an earlier state.
    GoBack {
        replica: usize,
        bytes: u64,
    },
    Look {
        replica: usize,
    },
    LookFails {
        replica: usize,
    },
    Beat,
    PrimaryAway,
    Ask {
        client: usize,
        demand: u8,
        will_wait: bool,
    },
    /// The oldest read that is under way is answered, whatever its server shows by now.
    Answer {
        fails: bool,
    },
    Pass {
        millis: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let (replica, client) = (0..REPLICAS, 0..CLIENTS);
    prop_oneof![
        2 => client.clone().prop_map(|client| Event::Write { client }),
        3 => (replica.clone(), 1..8_u64)
            .prop_map(|(replica, bytes)| Event::Replay { replica, bytes }),
        1 => (replica.clone(), 1..8_u64)
            .prop_map(|(replica, bytes)| Event::GoBack { replica, bytes }),
        5 => replica.clone().prop_map(|replica| Event::Look { replica }),
        1 => replica.prop_map(|replica| Event::LookFails { replica }),
        2 => Just(Event::Beat),
        1 => Just(Event::PrimaryAway),
        6 => (client, 0..4_u8, any::<bool>())
            .prop_map(|(client, demand, will_wait)| Event::Ask { client, demand, will_wait }),
        5 => prop::bool::weighted(0.2).prop_map(|fails| Event::Answer { fails }),
        2 => (0..3_000_u64).prop_map(|millis| Event::Pass { millis }),
    ]
}

struct Server {
    position: u64,
    /// The last beat that it shows.
    beat: u64,
    /// Since it was last looked at.
    went_back: bool,
}

struct Read {
    client: usize,
    demand: Demand,
    /// What the client had seen and written when it asked.
    floor: LogPosition,
    ticket: Ticket,
}

struct World {
    router: ReplicaRouter,
    policy: Policy,
    now: Instant,
    start: Instant,
    /// The primary's position.
    log: u64,
    /// Position and time of each acknowledged beat, of which the first has number 1.
    beats: Vec<(u64, Instant)>,
    replicas: Vec<Server>,
    sessions: Vec<Session>,
    /// The furthest that each client has in fact seen.
    saw: Vec<u64>,
    reads: Vec<Read>,
    by_replica: u32,
    by_fallback: u32,
    is_away: bool,
}

impl World {
    fn new() -> Self {
        let fallback = BudgetPolicy { share: 0.25, per_second: 2.0, saved_max: 3.0 };
        let policy = Policy { fallback, looks_to_return: 2, ..Policy::default() };
        let start = Instant::now() + Duration::from_secs(10);
        Self {
            router: ReplicaRouter::try_new(REPLICAS, policy).expect("it makes sense"),
            policy,
            now: start,
            start,
            log: 1,
            beats: Vec::new(),
            replicas: (0..REPLICAS)
                .map(|_| Server { position: 1, beat: 0, went_back: false })
                .collect(),
            sessions: vec![Session::default(); CLIENTS],
            saw: vec![0; CLIENTS],
            reads: Vec::new(),
            by_replica: 0,
            by_fallback: 0,
            is_away: false,
        }
    }

    fn step(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match *event {
            Event::Write { client } => {
                self.log += 1;
                self.sessions[client].wrote(LogPosition::from_bytes(self.log));
                self.saw[client] = self.saw[client].max(self.log);
            }
            Event::Replay { replica, bytes } => {
                let position = (self.replicas[replica].position + bytes).min(self.log);
                self.set(replica, position);
            }
            Event::GoBack { replica, bytes } => {
                let position = self.replicas[replica].position.saturating_sub(bytes).max(1);
                self.set(replica, position);
                self.replicas[replica].went_back = true;
            }
            Event::Look { replica } => {
                let Server { position, beat, .. } = self.replicas[replica];
                self.replicas[replica].went_back = false;
                let beat = (beat > 0).then_some(beat);
                let look = Look { shows: LogPosition::from_bytes(position), beat };
                self.router.looked(replica, look, self.now);
            }
            Event::LookFails { replica } => {
                self.router.look_failed(replica);
            }
            Event::Beat => {
                self.log += 1;
                self.beats.push((self.log, self.now));
                self.router.acknowledged(self.beats.len() as u64, self.now);
                self.is_away = false;
            }
            Event::PrimaryAway => {
                self.router.primary_away();
                self.is_away = true;
            }
            Event::Ask { client, demand, will_wait } => self.ask(client, demand, will_wait)?,
            Event::Answer { fails } => self.answer(fails)?,
            Event::Pass { millis } => self.now += Duration::from_millis(millis),
        }
        Ok(())
    }

    fn set(&mut self, replica: usize, position: u64) {
        let beat = self.beats.iter().take_while(|(at, _)| *at <= position).count() as u64;
        let went_back = self.replicas[replica].went_back;
        self.replicas[replica] = Server { position, beat, went_back };
    }

    fn ask(&mut self, client: usize, demand: u8, will_wait: bool) -> Result<(), TestCaseError> {
        let demand = match demand {
            0 => Demand::Strong,
            1 => Demand::AtLeast(LogPosition::from_bytes(self.log.saturating_sub(2))),
            2 => Demand::MaxLag(Duration::from_millis(1500)),
            _ => Demand::Any,
        };
        let wish = self.sessions[client].wish(demand);
        let waited = if will_wait { Duration::ZERO } else { self.policy.wait_max };
        let ticket = match self.router.route(wish, self.now - waited, self.now) {
            Route::Go(ticket) => ticket,
            Route::Wait { until } => {
                prop_assert!(will_wait && until == self.now + self.policy.wait_max);
                return Ok(());
            }
            Route::Refuse(_) => return Ok(()),
        };
        match ticket.target() {
            Target::Replica(replica) => {
                prop_assert!(demand != Demand::Strong);
                // Known, not hoped: the last look or answer has shown it.
                prop_assert!(self.router.shows(replica) >= wish.required());
                if let Demand::MaxLag(lag_max) = demand {
                    let old = self.beats.iter().filter(|(_, at)| *at + lag_max < self.now);
                    let due = old.map(|(position, _)| *position).max().unwrap_or(0);
                    let Server { position, went_back, .. } = self.replicas[replica];
                    prop_assert!(position >= due || went_back, "{position} of {due}");
                }
                self.by_replica += 1;
            }
            Target::Primary => {
                prop_assert!(!self.is_away);
                self.by_fallback += u32::from(demand != Demand::Strong);
            }
        }
        let seconds = self.now.duration_since(self.start).as_secs_f64();
        let budget = self.policy.fallback;
        let earned = budget.share * f64::from(self.by_replica) + budget.per_second * seconds;
        prop_assert!(f64::from(self.by_fallback) <= budget.saved_max + earned + 1e-6);
        let floor = self.sessions[client].token();
        self.reads.push(Read { client, demand, floor, ticket });
        Ok(())
    }

    fn answer(&mut self, fails: bool) -> Result<(), TestCaseError> {
        if self.reads.is_empty() {
            return Ok(());
        }
        let Read { client, demand, floor, ticket } = self.reads.remove(0);
        let shows = match ticket.target() {
            Target::Primary => self.log,
            Target::Replica(replica) => self.replicas[replica].position,
        };
        let shown = Shown::exactly(LogPosition::from_bytes(shows));
        let end = if fails { End::Failed } else { End::Answered(shown) };
        if self.router.finish(ticket, end).is_err() || fails {
            return Ok(());
        }
        // The promise of the read, and that of its session.
        if let Demand::AtLeast(token) = demand {
            prop_assert!(shown.at_least >= token);
        }
        prop_assert!(shown.at_least >= floor);
        self.sessions[client].saw(shown);
        self.saw[client] = self.saw[client].max(shows);
        prop_assert_eq!(self.sessions[client].token().bytes(), self.saw[client]);
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_no_promise_is_broken(events in prop::collection::vec(event(), 1..150)) {
        let mut world = World::new();
        for event in &events {
            world.step(event)?;
            let under_way = |replica| {
                let target = Target::Replica(replica);
                world.reads.iter().filter(|read| read.ticket.target() == target).count()
            };
            for replica in 0..REPLICAS {
                prop_assert_eq!(world.router.in_flight(replica), under_way(replica));
            }
        }
    }

    #[test]
    fn replicas_that_are_all_behind_do_not_overload_the_primary(
        reads in 1..2_000_u32, every_micros in 1..2_000_u64,
    ) {
        let mut world = World::new();
        let budget = world.policy.fallback;
        world.log = 100;
        for replica in 0..REPLICAS {
            world.step(&Event::Look { replica })?;
        }
        let mut answered = 0_u32;
        for _ in 0..reads {
            world.now += Duration::from_micros(every_micros);
            let wish = Demand::AtLeast(LogPosition::from_bytes(100)).into();
            let asked = world.now - world.policy.wait_max;
            if let Route::Go(ticket) = world.router.route(wish, asked, world.now) {
                prop_assert_eq!(ticket.target(), Target::Primary);
                answered += 1;
            }
        }
        let seconds = world.now.duration_since(world.start).as_secs_f64();
        prop_assert!(f64::from(answered) <= budget.saved_max + budget.per_second * seconds + 1e-6);
        // Nor does it refuse what the budget pays for.
        let least = f64::from(reads).min(budget.saved_max);
        prop_assert!(f64::from(answered) >= least.floor());
    }
}
