//! Where the requests of the cashier come together: a charge is looked up, voted on, entered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use standfast_tactics::deadline::Deadline;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::super::wire::{ChargeAnswer, ChargeKind, ChargeRequest, Money, Quote, RefundRequest};
use super::ledger::{self, Entered, Entry, Kept};
use super::settings::Settings;
use super::voting::{Collector, Purpose};
use crate::service::database::{Database, Names};
use crate::service::problem::Problem;

/// What clients are told when nobody decided.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest token of a card.
const TOKEN_LENGTH_MAX: usize = 128;

/// A token that begins so is of a card that its bank refuses: what every other token is worth would
/// be for the bank to say, and there is none here.
const REFUSED_TOKEN: &str = "declined";

/// The cashier.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) collector: Arc<Collector>,
    pub(super) database: Database,
    places: Semaphore,
}

/// The answer to a charge or a refund.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    answer: ChargeAnswer,
    /// Whether it was made before.
    is_repeated: bool,
    /// How many replicas signed the amount, by the time it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    votes: Option<usize>,
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        let names = Names { target: "postgres", by: "cashier" };
        let database = Database::new(settings.postgres.clone(), names);
        let places = Semaphore::new(settings.requests_max);
        Self { collector: Arc::new(Collector::new(settings)), database, places }
    }

    /// Whether charges can be made.
    pub(super) fn is_ready(&self) -> bool {
        let known = self.collector.replicas.iter().filter(|replica| replica.is_known()).count();
        self.database.is_there() && known >= self.collector.settings.panel.required()
    }

    pub(super) async fn charge(
        &self,
        request: ChargeRequest,
        key: Option<&str>,
        deadline: Deadline,
    ) -> Result<Answer, Problem> {
        let ChargeRequest { quote, card_token } = request;
        checked(&quote)?;
        let _place = self.place()?;
        if card_token.is_empty() || card_token.len() > TOKEN_LENGTH_MAX {
            let text = format!("`card_token` has 1 to {TOKEN_LENGTH_MAX} bytes");
            return Err(Problem::unprocessable(text));
        }
        let (reservation_id, quote_digest) = (quote.reservation_id, quote.digest());
        let kind = ChargeKind::Charge;
        // Nobody is asked about what is settled.
        for found in ledger::find(&self.database, reservation_id, deadline).await? {
            match found.kind {
                ChargeKind::Charge if found.quote_digest != quote_digest => return Err(conflict()),
                ChargeKind::Charge => return Ok(answer(&quote, kind, found.kept, true)),
                ChargeKind::Refund if found.kept.amount.cents == 0 => return Err(barred()),
                ChargeKind::Refund => {}
            }
        }
        if card_token.starts_with(REFUSED_TOKEN) {
            return Err(card_refused());
        }
        let held = match self.collector.settings.has_voting {
            true => self.collector.hold(quote.clone(), deadline, Purpose::Charge).await,
            false => self.collector.ask_one(quote.clone(), deadline).await,
        };
        let agreed =
            held.map_err(|refused| Problem::unavailable(RETRY_AFTER, refused.to_string()))?;
        let entry = Entry {
            kind,
            reservation_id,
            quote_digest,
            amount: agreed.amount,
            attempt: Some(agreed.attempt),
            statements: &agreed.statements,
            key,
        };
        let mut answered = match ledger::enter(&self.database, &entry, deadline).await? {
            Entered::Made(kept) => answer(&quote, kind, kept, false),
            Entered::Kept(kept) => answer(&quote, kind, kept, true),
            Entered::Conflict => return Err(conflict()),
            Entered::Barred => return Err(barred()),
        };
        answered.votes = Some(agreed.statements.len());
        answered.answer.dissenters = agreed.dissenters;
        Ok(answered)
    }

    /// Nobody waits for one: whoever came first is served in time, and others hear at once that
    /// they are not.
    fn place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let place = self.places.try_acquire();
        place.map_err(|_| Problem::unavailable(RETRY_AFTER, "as many are served as can be at once"))
    }

    /// Gives back what the ledger says was charged: there is nothing to vote on.
    pub(super) async fn refund(
        &self,
        request: RefundRequest,
        key: Option<&str>,
        deadline: Deadline,
    ) -> Result<Answer, Problem> {
        let quote = request.quote;
        checked(&quote)?;
        let _place = self.place()?;
        let kind = ChargeKind::Refund;
        let entry = Entry {
            kind,
            reservation_id: quote.reservation_id,
            quote_digest: quote.digest(),
            amount: Money { cents: 0, currency: quote.currency },
            attempt: None,
            statements: &[],
            key,
        };
        match ledger::enter(&self.database, &entry, deadline).await? {
            Entered::Made(kept) => Ok(answer(&quote, kind, kept, false)),
            Entered::Kept(kept) => Ok(answer(&quote, kind, kept, true)),
            Entered::Conflict => Err(conflict()),
            Entered::Barred => Err(barred()),
        }
    }
}

fn answer(quote: &Quote, kind: ChargeKind, kept: Kept, is_repeated: bool) -> Answer {
    let Kept { charge_id, amount } = kept;
    let (reservation_id, dissenters) = (quote.reservation_id, Vec::new());
    let answer = ChargeAnswer { charge_id, reservation_id, kind, amount, dissenters };
    Answer { answer, is_repeated, votes: None }
}

fn checked(quote: &Quote) -> Result<(), Problem> {
    if quote.reservation_id == Uuid::nil() {
        return Err(Problem::unprocessable("`reservation_id` names no reservation"));
    }
    let billable = quote.billable().map_err(|error| Problem::unprocessable(error.to_string()));
    billable.map(drop)
}

fn conflict() -> Problem {
    Problem::unprocessable("there is another charge under this reservation, or under this key")
}

fn barred() -> Problem {
    let title = "This reservation was refunded before it was charged";
    Problem::new(StatusCode::CONFLICT, "barred", title, "it is cancelled: nothing is charged")
}

fn card_refused() -> Problem {
    let title = "The card was refused";
    Problem::new(StatusCode::PAYMENT_REQUIRED, "card-refused", title, "try another one")
}
