//! How long writers of moving slots were made to wait, from what a coordinator tells.

use std::time::Duration;

use tokio::time::Instant;

use crate::core::{Action, Outcome};

use super::Progress;

/// The pauses of one move.
#[derive(Clone, Debug, Default)]
pub struct Pauses {
    /// Since when writers of the moving slots wait.
    held: Option<Instant>,
    longest: Duration,
    count: u32,
}

impl Pauses {
    /// Hears of everything that the coordinator does. Answers the length of a pause that is over:
    /// from the begin of a hold until the slots are open again, here or there.
    pub fn watch(&mut self, progress: &Progress<'_>) -> Option<Duration> {
        let Progress::Acted { action, outcome, took, .. } = progress else { return None };
        if matches!(action, Action::Hold { .. }) && **outcome == Outcome::Done {
            self.held = Some(Instant::now() - *took);
        }
        if matches!(action, Action::Hold { .. }) && **outcome == Outcome::Late {
            // It had some of the rows, and waited for others.
            return Some(self.ended(*took));
        }
        let is_over = matches!(action, Action::Release)
            || matches!(action, Action::Open { .. }) && **outcome == Outcome::Done;
        let since = self.held.filter(|_| is_over)?;
        self.held = None;
        Some(self.ended(since.elapsed()))
    }

    fn ended(&mut self, pause: Duration) -> Duration {
        self.longest = self.longest.max(pause);
        self.count += 1;
        pause
    }

    pub fn longest(&self) -> Duration {
        self.longest
    }

    pub fn count(&self) -> u32 {
        self.count
    }
}
