//! The connections of one plan, by slots that events can name.

use std::time::Duration;

use mio::Token;

use super::Attempt;
use super::connection::{Connection, State};

/// Slots are numbered by 16 bits of a token.
pub(crate) const CONNECTIONS_MAX: usize = 1 << 16;

/// Lanes are numbered by 15 bits of a token.
pub(crate) const LANES_MAX: usize = 1 << 15;

const _: () = assert!(usize::BITS >= 64, "a token holds lane, slot and generation");

/// Names a connection. A slot that is used again has another generation, so that an event that was
/// under way for the old connection cannot reach the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) lane: usize,
    pub(super) slot: usize,
    pub(super) generation: u32,
}

impl Key {
    pub(super) fn token(self) -> Token {
        Token(self.lane << 48 | self.slot << 32 | self.generation as usize)
    }

    pub(super) fn of(token: Token) -> Self {
        let generation = token.0 & u32::MAX as usize;
        Self {
            lane: token.0 >> 48,
            slot: token.0 >> 32 & (CONNECTIONS_MAX - 1),
            generation: u32::try_from(generation).expect("masked to 32 bits"),
        }
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// All connections of one plan.
#[derive(Debug)]
pub(super) struct Pool {
    lane: usize,
    connections_max: usize,
    slots: Vec<Slot>,
    vacant: Vec<usize>,
    /// The latest used is taken first: few connections stay warm instead of many cold.
    idle: Vec<usize>,
    connecting: usize,
}

impl Pool {
    pub(super) fn new(lane: usize, connections_max: usize) -> Self {
        let (slots, vacant, idle) = (Vec::new(), Vec::new(), Vec::new());
        Self { lane, connections_max, slots, vacant, idle, connecting: 0 }
    }

    pub(super) fn connecting(&self) -> usize {
        self.connecting
    }

    pub(super) fn has_room(&self) -> bool {
        self.slots.len() - self.vacant.len() < self.connections_max
    }

    /// Opens a connection with the key that it will have.
    pub(super) fn insert(
        &mut self,
        open: impl FnOnce(Key) -> std::io::Result<Connection>,
    ) -> std::io::Result<()> {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        match open(self.key(slot)) {
            Ok(connection) => {
                self.slots[slot].connection = Some(connection);
                self.connecting += 1;
                Ok(())
            }
            Err(error) => {
                self.vacant.push(slot);
                Err(error)
            }
        }
    }

    pub(super) fn key(&self, slot: usize) -> Key {
        Key { lane: self.lane, slot, generation: self.slots[slot].generation }
    }

    /// The connection that `key` names, if it is still there.
    pub(super) fn get(&mut self, key: Key) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(key.slot)?;
        if slot.generation == key.generation { slot.connection.as_mut() } else { None }
    }

    pub(super) fn peek(&self, key: Key) -> Option<&Connection> {
        let slot = self.slots.get(key.slot)?;
        if slot.generation == key.generation { slot.connection.as_ref() } else { None }
    }

    /// Closes the connection that `key` names.
    pub(super) fn close(&mut self, key: Key) {
        let Some(connection) = self.get(key) else { return };
        match connection.state {
            State::Connecting { .. } => self.connecting -= 1,
            State::Idle => self.idle.retain(|slot| *slot != key.slot),
            State::Busy { .. } => {}
        }
        let slot = &mut self.slots[key.slot];
        slot.connection = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.vacant.push(key.slot);
    }

    /// Notes that the connection that `key` names is made.
    pub(super) fn connected(&mut self) {
        self.connecting -= 1;
    }

    pub(super) fn put_idle(&mut self, key: Key) {
        if let Some(connection) = self.get(key) {
            connection.state = State::Idle;
            self.idle.push(key.slot);
        }
    }

    pub(super) fn take_idle(&mut self) -> Option<Key> {
        self.idle.pop().map(|slot| self.key(slot))
    }

    /// The connection that has been connecting for the longest time.
    pub(super) fn oldest_connecting(&self) -> Option<Key> {
        let since = |slot: &Slot| match slot.connection.as_ref()?.state {
            State::Connecting { since } => Some(since),
            State::Idle | State::Busy { .. } => None,
        };
        let connecting = self.slots.iter().enumerate();
        let connecting = connecting.filter_map(|(slot, entry)| Some((since(entry)?, slot)));
        connecting.min().map(|(_, slot)| self.key(slot))
    }

    /// The attempt under way on the connection that `key` names, and when it was sent.
    pub(super) fn under_way(&mut self, key: Key) -> Option<(Attempt, Option<Duration>)> {
        match self.get(key)?.state {
            State::Busy { attempt, sent } => Some((attempt, sent)),
            State::Connecting { .. } | State::Idle => None,
        }
    }
}
