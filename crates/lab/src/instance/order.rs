//! What a keeper is asked to do, and how others reach it.

use std::sync::Arc;
use std::time::Duration;

use standfast_failover::actuator::wire::{Answer, Request};
use tokio::sync::{mpsc, oneshot, watch};

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
    pub(crate) async fn heal(&self) -> Result<(), String> {
        match tokio::time::timeout(READY_AGAIN_WITHIN, self.order(Order::Heal)).await {
            Ok(healed) => healed.map_err(|error| error.to_string()),
            Err(_elapsed) => Err(format!("it is not ready again within {READY_AGAIN_WITHIN:?}")),
        }
    }
}
