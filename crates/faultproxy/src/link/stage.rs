//! One toxic of a link: whether it hits this connection, what waits before it, what it remembers.

use std::sync::Arc;

use tokio::time::Instant;

use super::chain::Installed;
use super::draw::{Draw, Seed};
use super::queue::Queue;
use crate::toxic::{Pipe, State};

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) installed: Arc<Installed>,
    pub(super) input: Queue,
    state: State,
    draw: Draw,
    is_hit: bool,
}

impl Stage {
    pub(super) fn new(installed: Arc<Installed>, link: Seed) -> Self {
        let mut stage = Self {
            draw: Draw::new(link.of_name(&installed.toxic.name)),
            installed,
            input: Queue::default(),
            state: State::default(),
            is_hit: false,
        };
        stage.draw_hit();
        stage
    }

    /// Takes a change of the toxic; what it remembers of this connection stays.
    pub(super) fn change(&mut self, installed: Arc<Installed>) {
        if self.installed.revision != installed.revision {
            self.installed = installed;
            self.draw_hit();
        }
    }

    fn draw_hit(&mut self) {
        let was_hit = self.is_hit;
        self.is_hit = self.draw.happens(f64::from(self.installed.toxic.toxicity));
        if self.is_hit && !was_hit {
            self.installed.tally.hit();
        }
    }

    /// Moves on what is due; answers when to look again.
    pub(super) fn run(&mut self, now: Instant, output: &mut Queue) -> Option<Instant> {
        let Self { installed, input, state, draw, .. } = self;
        let mut pipe = Pipe { now, input, output, draw, tally: &installed.tally };
        if !self.is_hit {
            pipe.pass_all();
            return None;
        }
        state.run(&installed.toxic.kind, &mut pipe)
    }
}
