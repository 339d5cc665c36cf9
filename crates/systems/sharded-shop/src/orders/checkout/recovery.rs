//! Ends what a crash, or a partner that did not answer, has left open: stock without an order goes
//! back, and carts are told what was ordered. Several processes may do so at once: who changes the
//! row goes on, and what they ask of others has one key.

use std::sync::Arc;
use std::time::Duration;

use standfast_tactics::deadline::Deadline;
use tokio::join;
use tokio::time::{Instant, sleep};

use super::super::super::primary::perform;
use super::super::desk::Desk;
use super::journal::{Abandoned, FindAbandoned, Lack, Move};

/// How often it looks.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// What one look, or one checkout, may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(2);

/// Looks for abandoned checkouts for as long as the service lives. Carts that do not answer keep
/// nobody from giving stock back, nor an inventory that is away carts from being told.
pub(in super::super) async fn recover(desk: Arc<Desk>) {
    join!(recover_those_without(Lack::Stock, &desk), recover_those_without(Lack::Cart, &desk));
}

async fn recover_those_without(lack: Lack, desk: &Desk) {
    let seconds = desk.settings.abandoned_after.as_secs_f64();
    loop {
        sleep(PERIOD).await;
        let deadline = Deadline::after(Instant::now(), STEP_TIME_MAX);
        let found = perform(&desk.primary, &FindAbandoned { lack, seconds }, deadline).await;
        for abandoned in found.map(|found| found.answer).unwrap_or_default() {
            if end(desk, &abandoned).await {
                desk.metrics.recovered.inc();
                tracing::info!(id = %abandoned.id, state = abandoned.state, "a checkout was ended");
            }
        }
    }
}

/// Answers whether it is at its end.
async fn end(desk: &Desk, abandoned: &Abandoned) -> bool {
    let deadline = Deadline::after(Instant::now(), STEP_TIME_MAX);
    let Abandoned { id, cart, context, lines, state } = abandoned;
    if state == "ordered" {
        return desk.tell_cart(*id, cart, context, deadline).await;
    }
    if state == "taking" {
        let releasing = Move { id: *id, from: "taking", to: "releasing", refusal: None };
        let moved = perform(&desk.primary, &releasing, deadline).await;
        if !moved.is_ok_and(|moved| moved.answer) {
            return false;
        }
    }
    desk.release(*id, lines, deadline).await
}
