//! The cashier, as a booking sees it: it charges, refuses the card, or is not to be had now. In the
//! last case nobody waits: the payment is pending, and made later.

use axum::http::StatusCode;
use serde::Serialize;
use standfast_tactics::circuit_breaker::Outcome;
use standfast_tactics::deadline::Deadline;

use super::super::wire::{ChargeAnswer, ChargeRequest, Money, Quote, RefundRequest};
use super::settings::Settings;
use super::writing::Charged;
use crate::service::guarded::dependency::{Dependency, DependencyOptions};
use crate::service::peer::{Call, CallError, Peer, PeerLimits, Response};

/// Of the process in events, as in `system.toml`.
const NAME: &str = "cashier";

/// A cashier that hangs holds no more requests than these.
const LIMITS: PeerLimits = PeerLimits { calls_max: 64, response_length_max: 64 * 1024 };

/// Why it is not known what became of a charge or refund. It is asked again.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotYet {
    #[error("the cashier is left alone for a while")]
    LeftAlone,
    #[error("the cashier could not be asked: {0}")]
    NoAnswer(#[from] CallError),
    #[error("the cashier answered {0}")]
    Status(StatusCode),
    #[error("the cashier's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the cashier charged {charged}, and the price is {price:?}")]
    AnotherAmount { charged: Money, price: Option<Money> },
}

/// The one cashier.
#[derive(Debug)]
pub(super) struct Cashier {
    peer: Peer,
    dependency: Dependency,
}

impl Cashier {
    pub(super) fn new(settings: &Settings) -> Self {
        let options = DependencyOptions {
            is_enforced: settings.has_breaker,
            // The jitter should differ between instances: it is not what a run has to repeat.
            seed: u64::from(std::process::id()),
        };
        let peer = Peer::new(settings.cashier.clone(), LIMITS);
        Self { peer, dependency: Dependency::new(NAME, options) }
    }

    /// Charges `quote`, once, however often it is asked to.
    pub(super) async fn charge(
        &self,
        quote: &Quote,
        card_token: &str,
        deadline: Deadline,
    ) -> Result<Charged, NotYet> {
        let request = ChargeRequest { quote: quote.clone(), card_token: card_token.to_owned() };
        let response = self.ask("/charges", &request, deadline).await?;
        match response.status {
            StatusCode::OK => {
                let answer: ChargeAnswer = serde_json::from_slice(&response.body)?;
                let (charged, price) = (answer.amount, quote.amount());
                if Some(charged) == price {
                    return Ok(Charged::Paid);
                }
                // Nobody is told that this is paid: an operator has to look.
                let id = quote.reservation_id;
                tracing::error!(%id, %charged, ?price, "wrong charge");
                Err(NotYet::AnotherAmount { charged, price })
            }
            // 409: a refund came first, as it does when a guest cancels while the charge is made.
            StatusCode::PAYMENT_REQUIRED | StatusCode::CONFLICT => Ok(Charged::Refused),
            status => Err(NotYet::Status(status)),
        }
    }

    /// Gives back what was charged for `quote`, if anything, and bars a charge that comes later.
    pub(super) async fn refund(&self, quote: &Quote, deadline: Deadline) -> Result<(), NotYet> {
        let request = RefundRequest { quote: quote.clone() };
        let response = self.ask("/refunds", &request, deadline).await?;
        if response.status == StatusCode::OK {
            Ok(())
        } else {
            Err(NotYet::Status(response.status))
        }
    }

    async fn ask(
        &self,
        path: &str,
        request: &impl Serialize,
        deadline: Deadline,
    ) -> Result<Response, NotYet> {
        let body = serde_json::to_vec(request).expect("a request has string keys");
        // Calls are the probes as well: a pending payment can be asked for at any time.
        let permit = self.dependency.probe().map_err(|_| NotYet::LeftAlone)?;
        let result = self.peer.call(&Call::post(path, body), deadline).await;
        let outcome = match &result {
            Ok(response) if response.status.is_server_error() => Outcome::Failure,
            Ok(_) => Outcome::Success,
            // It says more of us than of the cashier.
            Err(CallError::Busy | CallError::Request(_)) => Outcome::Ignored,
            Err(_) => Outcome::Failure,
        };
        self.dependency.finish(permit, outcome);
        Ok(result?)
    }
}
