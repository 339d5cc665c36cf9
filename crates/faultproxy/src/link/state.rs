//! The link as a pure state machine.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::chain::Chain;
use super::draw::Seed;
use super::queue::{Chunk, End, Queue};
use super::stage::Stage;
use crate::toxic::ToxicKind;

/// Bytes that a link takes before its reader must wait, so that a peer feels a slow other side.
const ROOM_BYTES: usize = 64 * 1024;

/// The same with a latency in the chain, whose bytes are under way and no sign of a slow peer:
/// Toxiproxy's 1024 chunks of 32 KiB.
const ROOM_BYTES_WITH_LATENCY: usize = 32 * 1024 * 1024;

/// One direction of one connection.
#[derive(Debug)]
pub struct Link {
    seed: Seed,
    client: SocketAddr,
    stages: Vec<Stage>,
    output: Queue,
}

/// What a look at a link found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When to look again although nothing comes in.
    pub wake: Option<Instant>,
}

impl Link {
    /// A link of the connection of `client` under `chain`.
    pub fn new(chain: &Chain, client: SocketAddr, seed: Seed) -> Self {
        let mut link = Self { seed, client, stages: Vec::new(), output: Queue::default() };
        link.adopt(chain);
        link
    }

    /// Whether bytes need not come through here: no toxic, and nothing waits.
    pub fn is_direct(&self) -> bool {
        self.stages.is_empty() && self.output.is_empty() && !self.output.has_ended()
    }

    /// How many bytes it takes now; 0 asks the reader to wait.
    pub fn room(&self) -> usize {
        if self.input().has_ended() || self.output.has_ended() {
            return 0;
        }
        let waiting: usize =
            self.stages.iter().map(|stage| stage.input.len()).sum::<usize>() + self.output.len();
        let has_latency = self
            .stages
            .iter()
            .any(|stage| matches!(stage.installed.toxic.kind, ToxicKind::Latency(_)));
        let room = if has_latency { ROOM_BYTES_WITH_LATENCY } else { ROOM_BYTES };
        room.saturating_sub(waiting)
    }

    /// Takes bytes that were read at `now`.
    pub fn receive(&mut self, bytes: Bytes, now: Instant) {
        self.input_mut().push(Chunk { bytes, at: now });
    }

    /// The sender has ended the direction.
    pub fn end(&mut self, end: End) {
        self.input_mut().end(end);
    }

    /// Moves on all that is due.
    pub fn look(&mut self, now: Instant) -> Look {
        let mut wake: Option<Instant> = None;
        for index in 0..self.stages.len() {
            let (before, after) = self.stages.split_at_mut(index + 1);
            let output = after.first_mut().map_or(&mut self.output, |stage| &mut stage.input);
            let again = before[index].run(now, output);
            wake = [wake, again].into_iter().flatten().min();
        }
        Look { wake }
    }

    /// What can be written now, and the end after it.
    pub fn output(&mut self) -> &mut Queue {
        &mut self.output
    }

    /// Goes on under other toxics. Those that stay keep what they remember of this connection;
    /// what waits before one that goes flows on, in order.
    pub fn adopt(&mut self, chain: &Chain) {
        let mut old = std::mem::take(&mut self.stages);
        let mut kept = Vec::with_capacity(chain.toxics.len());
        // From the end of the chain, so that older bytes come to stand before newer ones.
        while let Some(mut stage) = old.pop() {
            let stays = chain.toxics.iter().find(|toxic| toxic.id == stage.installed.id);
            let next =
                kept.last_mut().map_or(&mut self.output, |stage: &mut Stage| &mut stage.input);
            match stays {
                Some(installed) => {
                    stage.change(Arc::clone(installed));
                    kept.push(stage);
                }
                None => next.append(&mut stage.input),
            }
        }
        kept.reverse();
        for installed in &chain.toxics {
            let is_new = kept.iter().all(|stage| stage.installed.id != installed.id);
            if is_new && installed.toxic.client.matches(self.client) {
                kept.push(Stage::new(Arc::clone(installed), self.seed));
            }
        }
        self.stages = kept;
    }

    fn input(&self) -> &Queue {
        self.stages.first().map_or(&self.output, |stage| &stage.input)
    }

    fn input_mut(&mut self) -> &mut Queue {
        self.stages.first_mut().map_or(&mut self.output, |stage| &mut stage.input)
    }
}
