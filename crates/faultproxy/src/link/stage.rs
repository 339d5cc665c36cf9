//! One toxic of a link: whether it hits this connection, what waits before it, what it remembers.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::chain::Installed;
use super::draw::{Draw, Seed};
use super::queue::{End, Queue};
use crate::toxic::{Activity, Effect, Pipe};

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) installed: Arc<Installed>,
    pub(super) input: Queue,
    /// Only if it hits this connection.
    effect: Option<Box<dyn Effect>>,
    /// Whether it was active when somebody looked last.
    is_acting: bool,
    was_counted: bool,
    /// Bytes of the input that are counted already.
    counted_bytes: usize,
    passed_bytes: u64,
    seed: Seed,
    draw: Draw,
}

impl Stage {
    pub(super) fn new(installed: Arc<Installed>, client: SocketAddr, link: Seed) -> Self {
        let seed = link.of_name(&installed.toxic.name);
        let mut stage = Self {
            installed,
            input: Queue::default(),
            effect: None,
            is_acting: false,
            was_counted: false,
            counted_bytes: 0,
            passed_bytes: 0,
            seed,
            draw: Draw::new(seed),
        };
        stage.start(client);
        stage
    }

    /// Takes a change of the toxic, and draws anew.
    pub(super) fn change(&mut self, installed: &Arc<Installed>, client: SocketAddr) {
        if self.installed.revision != installed.revision {
            self.installed = Arc::clone(installed);
            self.start(client);
        }
    }

    fn start(&mut self, client: SocketAddr) {
        let toxic = &self.installed.toxic;
        // A draw of its own: how much was drawn for bytes must not decide who is hit.
        let mut draw = Draw::new(self.seed.of_number(u64::from(self.installed.revision)));
        let is_hit = draw.happens(f64::from(toxic.toxicity)) && toxic.client.matches(client);
        self.effect = is_hit.then(|| toxic.kind.start(toxic.stream.direction()));
        self.is_acting &= is_hit;
    }

    /// Whether all passes untouched until the toxic is changed, and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.effect.is_none() && self.input.is_empty()
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.effect.as_ref().is_some_and(|effect| effect.is_in_flight())
    }

    pub(super) fn is_cut(&self, now: Instant) -> bool {
        self.effect.as_ref().is_some_and(|effect| effect.is_cut()) && self.activity(now).is_active
    }

    fn activity(&self, now: Instant) -> Activity {
        match (&self.effect, self.installed.toxic.schedule) {
            (None, _) => Activity::NEVER,
            (Some(_), None) => Activity::ALWAYS,
            (Some(_), Some(schedule)) => {
                schedule.activity(now.saturating_duration_since(self.installed.since))
            }
        }
    }

    /// Moves on what is due; answers when to look again.
    pub(super) fn run(
        &mut self,
        now: Instant,
        output: &mut Queue,
        reply: &mut Option<Bytes>,
    ) -> Option<Instant> {
        let activity = self.activity(now);
        let wake = if activity.is_active {
            self.act(now, output, reply)
        } else {
            self.rest(output);
            None
        };
        self.counted_bytes = self.input.len();
        let changes_at = activity.changes_in.map(|changes_in| now + changes_in);
        [wake, changes_at].into_iter().flatten().min()
    }

    fn act(
        &mut self,
        now: Instant,
        output: &mut Queue,
        reply: &mut Option<Bytes>,
    ) -> Option<Instant> {
        let tally = &self.installed.tally;
        self.is_acting = true;
        if !std::mem::replace(&mut self.was_counted, true) {
            tally.hit();
        }
        tally.saw(self.input.len().saturating_sub(self.counted_bytes));
        if output.has_ended() {
            tally.dropped(self.input.discard());
            return None;
        }
        let mut pipe = Pipe {
            now,
            input: &mut self.input,
            output,
            draw: &mut self.draw,
            tally,
            passed_bytes: &mut self.passed_bytes,
            reply,
        };
        self.effect.as_mut()?.run(&mut pipe)
    }

    fn rest(&mut self, output: &mut Queue) {
        if std::mem::take(&mut self.is_acting) {
            let toxic = &self.installed.toxic;
            self.effect = Some(toxic.kind.start(toxic.stream.direction()));
        }
        output.append(&mut self.input);
    }

    /// Goes out of the chain: what waits flows on, unless the connection ends with the toxic.
    pub(super) fn leave(mut self, output: &mut Queue) {
        let closes = self.effect.as_ref().is_some_and(|effect| effect.closes_when_removed());
        if self.is_acting && closes {
            self.installed.tally.dropped(self.input.discard());
            output.end(End::Close);
        }
        output.append(&mut self.input);
    }
}
