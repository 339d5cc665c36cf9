//! A charge without a vote, for the control arm: one replica is asked, by turns, and believed when
//! it signs what it says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use standfast_tactics::deadline::Deadline;
use tokio::time::Instant;

use super::super::wire::Quote;
use super::examine::Heard;
use super::replica::Question;
use super::round::Asker;
use super::voting::{Agreed, Collector, Refused};

impl Collector {
    /// Charges what the next replica says.
    pub(super) async fn ask_one(
        self: &Arc<Self>,
        quote: Quote,
        deadline: Deadline,
    ) -> Result<Agreed, Refused> {
        let deadline = deadline.cap(Instant::now(), self.settings.vote_timeout);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let replica = &self.replicas[turn % self.replicas.len()];
        // Under both names: one that tells them different things shall have the occasion.
        let asker = match turn / self.replicas.len() % 2 {
            0 => Asker::First,
            _ => Asker::Second,
        };
        let question = Question::new(quote, deadline);
        let heard = replica.ask(&question, asker, &self.settings.name).await;
        match heard {
            Some(Heard::Stated(signed)) => {
                self.votes().agreed += 1;
                let (attempt, amount) = (question.attempt, signed.statement.amount);
                Ok(Agreed { attempt, amount, statements: vec![*signed], dissenters: Vec::new() })
            }
            Some(Heard::Flawed(_) | Heard::Failed) | None => {
                self.votes().no_quorum += 1;
                Err(Refused::Alone { replica: replica.name.clone() })
            }
        }
    }
}
