//! Which flights are in the air, and who joins which, as plain data.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// The bounds of a table of flights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many flights, landed ones included, are remembered.
    pub flights_max: usize,
    /// A landed flight is of use to nobody after this.
    pub share_max: Duration,
}

/// Names one flight, so that a late report cannot touch its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlightId(u64);

/// What somebody had to do for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Started the work.
    Led,
    /// Got the answer of work that somebody else started.
    Followed,
}

/// What a caller has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Join<H> {
    /// Start the work under this name.
    Lead(FlightId),
    /// Wait for the flight with this handle.
    Follow(H),
    /// There are too many flights.
    Full,
}

#[derive(Clone, Debug)]
struct Flight<H> {
    id: FlightId,
    handle: H,
    landed: Option<Instant>,
}

/// The flights by their keys. `H` is whatever leads to a flight's answer.
///
/// ```
/// use std::time::Duration;
/// use standfast_tactics::coalesce::{Join, Limits, Table};
/// use tokio::time::Instant;
///
/// let limits = Limits { flights_max: 100, share_max: Duration::from_secs(1) };
/// let mut table: Table<&str, &str> = Table::new(limits);
/// let now = Instant::now();
/// let Join::Lead(flight) = table.join("city 1", "ticket", now, Duration::ZERO) else { panic!() };
/// assert_eq!(table.join("city 1", "unused", now, Duration::ZERO), Join::Follow("ticket"));
/// table.land(&"city 1", flight, now);
/// assert!(matches!(table.join("city 1", "next", now, Duration::ZERO), Join::Lead(_)));
/// ```
#[derive(Clone, Debug)]
pub struct Table<K, H> {
    limits: Limits,
    flights: HashMap<K, Flight<H>>,
    next: u64,
}

impl<K: Eq + Hash, H: Clone> Table<K, H> {
    /// A table without flights.
    pub fn new(limits: Limits) -> Self {
        Self { limits, flights: HashMap::new(), next: 0 }
    }

    /// A caller wants `key`, and takes an answer that landed less than `share_for` ago. If it has
    /// to lead, `handle` is what others follow.
    pub fn join(&mut self, key: K, handle: H, now: Instant, share_for: Duration) -> Join<H> {
        if let Some(flight) = self.flights.get(&key) {
            let is_usable = flight
                .landed
                .is_none_or(|landed| now.saturating_duration_since(landed) < share_for);
            if is_usable {
                return Join::Follow(flight.handle.clone());
            }
        } else if self.flights.len() >= self.limits.flights_max {
            self.sweep(now);
            if self.flights.len() >= self.limits.flights_max {
                return Join::Full;
            }
        }
        let id = FlightId(self.next);
        self.next += 1;
        self.flights.insert(key, Flight { id, handle, landed: None });
        Join::Lead(id)
    }

    /// The flight has its answer.
    pub fn land(&mut self, key: &K, id: FlightId, now: Instant) {
        if self.limits.share_max.is_zero() {
            self.forget(key, id);
        } else if let Some(flight) = self.flights.get_mut(key)
            && flight.id == id
        {
            flight.landed = Some(now);
        }
    }

    /// The flight has no answer that anybody may share.
    pub fn forget(&mut self, key: &K, id: FlightId) {
        if self.flights.get(key).is_some_and(|flight| flight.id == id) {
            self.flights.remove(key);
        }
    }

    /// Forgets landed flights that nobody can use any more.
    pub fn sweep(&mut self, now: Instant) {
        let share_max = self.limits.share_max;
        self.flights.retain(|_, flight| {
            flight.landed.is_none_or(|landed| now.saturating_duration_since(landed) < share_max)
        });
    }

    /// How many flights are remembered.
    pub fn len(&self) -> usize {
        self.flights.len()
    }

    /// Whether no flight is remembered.
    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }
}
