//! The link as a pure state machine.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::chain::Chain;
use super::draw::Seed;
use super::queue::{Chunk, End, Queue};
use super::stage::Stage;

/// Memory that may wait in a link before its reader must wait, so that a peer feels a slow other
/// side.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// The same for what a latency has under way, which is no sign of a slow peer: Toxiproxy's 1024
/// chunks of 32 KiB.
const FLYING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    seed: Seed,
    client: SocketAddr,
    stages: Vec<Stage>,
    output: Queue,
}

/// What a look at a link found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// When to look again although nothing comes in.
    pub(crate) wake: Option<Instant>,
    /// An answer for the client from a toxic of the upstream direction: to be given to
    /// [`Link::answer`] of the downstream direction.
    pub(crate) reply: Option<Bytes>,
}

impl Link {
    /// A link of the connection of `client` under `chain`. Without toxics it allocates nothing.
    pub(crate) fn new(chain: &Chain, client: SocketAddr, seed: Seed) -> Self {
        let mut link = Self { seed, client, stages: Vec::new(), output: Queue::default() };
        link.adopt(chain);
        link
    }

    /// Whether bytes need not come through here until the chain changes: no toxic hits this
    /// connection, and nothing waits.
    pub(crate) fn is_direct(&self) -> bool {
        let is_idle = self.stages.iter().all(Stage::is_idle);
        is_idle && self.output.is_empty() && !self.output.has_ended() && !self.input().has_ended()
    }

    /// Whether not even a connection to the server can be made now. When that ends by itself, the
    /// last look has told.
    pub(crate) fn defers_dial(&self, now: Instant) -> bool {
        self.stages.iter().any(|stage| stage.is_cut(now))
    }

    /// How many bytes it takes now; 0 asks the reader to wait. After a toxic has ended the output
    /// there is room still: what comes is dropped, so that the sender is not left hanging.
    pub(crate) fn room(&self) -> usize {
        if self.input().has_ended() {
            return 0;
        }
        let (mut flying, mut waiting) = (0, self.output.memory_bytes());
        for stage in &self.stages {
            let place = if stage.is_in_flight() { &mut flying } else { &mut waiting };
            *place += stage.input.memory_bytes();
        }
        let room = WAITING_BYTES_MAX.saturating_sub(waiting);
        room.min(FLYING_BYTES_MAX.saturating_sub(flying))
    }

    /// Takes bytes that were read at `now`.
    pub(crate) fn receive(&mut self, bytes: Bytes, now: Instant) {
        self.input_mut().push(Chunk { bytes, at: now });
    }

    /// The sender has ended the direction.
    pub(crate) fn end(&mut self, end: End) {
        self.input_mut().end(end);
    }

    /// Takes an answer from a toxic of the other direction, in the place of the server's: what the
    /// server still sends is not for the client, and the connection closes after it.
    pub(crate) fn answer(&mut self, reply: Bytes, now: Instant) {
        self.receive(reply, now);
        self.end(End::Close);
    }

    /// Moves on all that is due. Due after [`Link::new`] as well, and whenever something was
    /// received, ended or adopted: a toxic's time starts with its first look.
    pub(crate) fn look(&mut self, now: Instant) -> Look {
        let mut look = Look::default();
        for index in 0..self.stages.len() {
            let (before, after) = self.stages.split_at_mut(index + 1);
            let output = after.first_mut().map_or(&mut self.output, |stage| &mut stage.input);
            let again = before[index].run(now, output, &mut look.reply);
            look.wake = [look.wake, again].into_iter().flatten().min();
        }
        look
    }

    /// What can be written now, and the end after it.
    pub(crate) fn output(&mut self) -> &mut Queue {
        &mut self.output
    }

    /// Goes on under other toxics, whose order is that of `chain`. Those that stay keep what they
    /// remember of this connection; what waits before one that goes flows on, in order.
    pub(crate) fn adopt(&mut self, chain: &Chain) {
        self.remove_all_but(chain);
        let mut kept = std::mem::take(&mut self.stages).into_iter().peekable();
        for installed in &chain.toxics {
            if let Some(mut stage) = kept.next_if(|stage| stage.installed.id == installed.id) {
                stage.change(installed, self.client);
                self.stages.push(stage);
            } else if !self.output.has_ended() {
                self.stages.push(Stage::new(Arc::clone(installed), self.client, self.seed));
            }
        }
        assert!(kept.next().is_none(), "toxics of a chain never change places");
    }

    fn remove_all_but(&mut self, chain: &Chain) {
        // From the end of the chain, so that older bytes come to stand before newer ones.
        for index in (0..self.stages.len()).rev() {
            let id = self.stages[index].installed.id;
            if chain.toxics.iter().all(|installed| installed.id != id) {
                let stage = self.stages.remove(index);
                let output = self.stages.get_mut(index).map(|stage| &mut stage.input);
                stage.leave(output.unwrap_or(&mut self.output));
            }
        }
    }

    fn input(&self) -> &Queue {
        self.stages.first().map_or(&self.output, |stage| &stage.input)
    }

    fn input_mut(&mut self) -> &mut Queue {
        self.stages.first_mut().map_or(&mut self.output, |stage| &mut stage.input)
    }
}
