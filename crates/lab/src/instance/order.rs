//! What a keeper is asked to do, and how others reach it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use standfast_failover::actuator::wire::{Answer, Request};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::status::Status;
use super::unit::UnitError;
use crate::fault::{Evidence, FaultError, FaultKind};

/// Each sender waits for its answer, so this bounds how many wait at once.
pub(super) const ORDERS_MAX: usize = 16;

/// A process that is to be ready again after a fault gets as long as PostgreSQL may need to replay
/// what it missed.
const READY_AGAIN_WITHIN: Duration = Duration::from_secs(30);

/// Whoever gave an order, and waits for what came of it.
pub(super) type Reply<T> = oneshot::Sender<T>;
/// A failure is told to everybody who waits for the same start.
pub(crate) type Outcome = Result<(), Arc<UnitError>>;

/// What a keeper is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Answered when the process is ready.
    Start(Reply<Outcome>),
    /// Ended in an orderly way, and not started again.
    Stop(Reply<Outcome>),
    /// Ended at once, and not started again.
    Kill(Reply<Outcome>),
    /// Answered when the fault is verified to be in effect.
    Inject { kind: FaultKind, is_held: bool, reply: Reply<Result<Evidence, FaultError>> },
    /// Answered when the process is ready again.
    Heal(Reply<Outcome>),
    /// Asked by the service that decides on the engine's role; answered when it is done.
    Perform { request: Request, reply: Reply<Answer> },
}

/// How others reach a keeper.
#[derive(Clone, Debug)]
pub(crate) struct KeeperHandle {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) status: watch::Receiver<Status>,
}

impl KeeperHandle {
    /// Gives an order and waits for what came of it.
    pub(crate) async fn order(&self, order: impl FnOnce(Reply<Outcome>) -> Order) -> Outcome {
        let (reply, answer) = oneshot::channel();
        // A keeper only ends with the instance, and its process has ended with it.
        if self.orders.send(order(reply)).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }

    /// Heals, and waits until the process is ready.
    ///
    /// Another fault may have it before it is: one that waits for what it reports while it starts.
    /// Its time to become ready begins again when that one is healed.
    pub(crate) async fn heal(&self) -> Result<(), String> {
        let mut status = self.status.clone();
        let mut healed = pin!(self.order(Order::Heal));
        let mut deadline = Instant::now() + READY_AGAIN_WITHIN;
        let mut was_held = false;
        loop {
            tokio::select! {
                healed = &mut healed => return healed.map_err(|error| error.to_string()),
                Ok(()) = status.changed() => {}
                () = sleep_until(deadline) => {}
            }
            let is_held = status.borrow_and_update().fault.is_some();
            if was_held || is_held {
                deadline = Instant::now() + READY_AGAIN_WITHIN;
            } else if Instant::now() >= deadline {
                return Err(format!("it is not ready again within {READY_AGAIN_WITHIN:?}"));
            }
            was_held = is_held;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::ProcessState;

    const SECOND: Duration = Duration::from_secs(1);

    /// Heals a process that is ready `ready_s` after the order, and that another fault has from 5 s
    /// to `free_s`. Answers how long that took, and how it ended.
    async fn heal(ready_s: u32, free_s: Option<u32>) -> (u64, Result<(), String>) {
        let (orders, mut received) = mpsc::channel(1);
        let (status, seen) = watch::channel(Status::new(ProcessState::Starting));
        let keeper = KeeperHandle { orders, status: seen };
        let began = Instant::now();
        let keep = async {
            let Some(Order::Heal(reply)) = received.recv().await else { panic!("another order") };
            if let Some(free_s) = free_s {
                sleep_until(began + 5 * SECOND).await;
                status.send_modify(|status| status.fault = Some(FaultKind::Kill));
                sleep_until(began + free_s * SECOND).await;
                status.send_modify(|status| status.fault = None);
            }
            sleep_until(began + ready_s * SECOND).await;
            drop(reply.send(Ok(())));
        };
        let healing = async {
            let healed = keeper.heal().await;
            (began.elapsed().as_secs(), healed)
        };
        tokio::join!(healing, keep).0
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_become_ready_begins_again_after_another_fault() {
        assert_eq!(heal(29, None).await, (29, Ok(())));
        let late = Err(format!("it is not ready again within {READY_AGAIN_WITHIN:?}"));
        assert_eq!(heal(31, None).await, (30, late.clone()));
        assert_eq!(heal(68, Some(40)).await, (68, Ok(())), "longer than that one lasts");
        assert_eq!(heal(72, Some(40)).await, (70, late));
    }
}
