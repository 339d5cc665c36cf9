//! The voter without the vote, for control arms: it asks one replica, by turns, as a load balancer
//! with health checks would, and believes what it is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use standfast_tactics::circuit_breaker::Permit;
use standfast_tactics::vote::{Seat, Undecided};
use tokio::time::Instant;

use super::ledger::Ended;
use super::question::{Said, Settled, Subject};
use super::replica::Ask;
use super::voting::{Answer, NoQuorum, Request, Voter};

impl Voter {
    /// Answers `request` with what one replica says.
    pub(super) async fn ask_one(&self, request: Request) -> Result<Answer, NoQuorum> {
        let start = Instant::now();
        let (replica, permit) = self.next_in_turn(start);
        let deadline = request.deadline.cap(start, self.settings.vote_timeout);
        let is_fair = deadline.remaining(start) * 2 >= self.settings.vote_timeout;
        let subject = Arc::new(request.subject);
        let version_min = request.version_min;
        let ask = Ask { subject: Arc::clone(&subject), version_min, deadline, is_fair };
        let said = self.replicas[replica].ask(&ask, permit).await;
        let is_agreed = matches!(said, Said::Stock(_));
        self.ledger().ended(Ended { is_agreed, is_early: false, took: start.elapsed() });
        match said {
            Said::Stock(statements) => {
                let stated = statements.into_iter().map(|one| Settled {
                    product: one.product,
                    stock: Some(one.stock.units),
                    version: one.stock.version,
                    votes: 1,
                });
                let mut settled: Vec<Settled> = stated.collect();
                if let (Subject::One(product), true) = (&*subject, settled.is_empty()) {
                    let (product, stock) = (product.clone(), None);
                    settled.push(Settled { product, stock, version: -1, votes: 1 });
                }
                Ok(Answer { settled, votes: 1, panel: 1, dissenters: Vec::new() })
            }
            Said::Failed | Said::Unasked => {
                let standings = vec![format!("{} Failed", self.names[replica])];
                Err(NoQuorum { why: Undecided::Unreachable, required: 1, standings })
            }
        }
    }

    /// The next one in turn of those that may be asked.
    fn next_in_turn(&self, now: Instant) -> (usize, Option<Permit>) {
        let count = self.replicas.len();
        let start = self.turn.fetch_add(1, Ordering::Relaxed);
        let (seats, leaves) = self.seat(now);
        let mut permits: Vec<Option<Permit>> = leaves.into_iter().map(|leave| leave.0).collect();
        let mut turns = (0..count).map(|step| (start + step) % count);
        let chosen = turns.find(|one| seats[*one] == Seat::Counts).unwrap_or(start % count);
        (chosen, permits[chosen].take())
    }
}
