//! Delivers what was written down, as soon as its service answers again: the oldest first, some at
//! a time, and what concerns one reservation in its order.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::line::{Settled, Stored};
use super::shelf::Shelf;

/// Deliveries that are out at once: a service that has just come back has enough to do.
const OUT_MAX: usize = 8;

/// After a delivery that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Delivered {
    Final(Settled),
    /// The service is away, or wants to be asked again, after this at the earliest.
    NotYet(Duration),
}

/// Who delivers.
#[derive(Debug)]
pub(in super::super) struct Courier<D> {
    pub(in super::super) shelf: Shelf,
    pub(in super::super) deliver: D,
}

impl<D, F> Courier<D>
where
    D: Fn(Stored) -> F,
    F: Future<Output = Delivered> + Send + 'static,
{
    /// Goes on for as long as it is polled.
    pub(in super::super) async fn run(self) {
        let mut out = JoinSet::new();
        loop {
            for (turn, stored) in self.shelf.due(OUT_MAX) {
                let delivery = (self.deliver)(stored);
                out.spawn(async move { (turn, delivery.await) });
            }
            // Both are cancel-safe: a notice that is not waited for is kept.
            let ended = tokio::select! {
                Some(ended) = out.join_next() => ended,
                () = self.shelf.arrived() => continue,
            };
            let Ok((turn, delivered)) = ended else { continue };
            match delivered {
                Delivered::Final(answer) => self.shelf.settle(turn, answer).await,
                Delivered::NotYet(pause) => {
                    // The others that are out find out by themselves.
                    sleep(pause.max(PAUSE)).await;
                    self.shelf.put_back(turn);
                }
            }
        }
    }
}
