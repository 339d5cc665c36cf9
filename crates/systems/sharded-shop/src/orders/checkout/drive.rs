//! Drives one checkout, from the cart to the order.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use standfast_tactics::deadline::Deadline;
use uuid::Uuid;

use super::super::super::primary::{Failure, perform};
use super::super::desk::Desk;
use super::comparison::{Difference, compare};
use super::draft::{CheckoutDraft, LINES_MAX, Line};
use super::journal::{
    Begin, Begun, Known, Move, Order, Show, cart_busy, in_progress, ordered_already, shown,
};
use super::partners::{Cart, Taken};
use crate::service::answer;
use crate::service::database::unknown_outcome;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

/// A checkout whose stock may be taken.
struct Open<'a> {
    id: Uuid,
    draft: &'a CheckoutDraft,
    cart: &'a Cart,
    lines: &'a [Line],
    deadline: Deadline,
}

impl Desk {
    /// Orders what is in a cart, if it is what its customer was shown.
    pub(in super::super) async fn check_out(
        &self,
        draft: &CheckoutDraft,
        key: Option<&IdempotencyKey>,
        deadline: Deadline,
    ) -> Result<Response<Body>, Problem> {
        if let Some(key) = key {
            // Before the cart is read: what was ordered is no longer in it.
            let known = perform(&self.primary, &Known(key), deadline).await?.answer;
            if known != Begun::New {
                return self.repeat(known, deadline).await;
            }
        }
        let cart = self.partners.cart(&draft.cart, deadline).await?;
        check_size(&cart)?;
        let goods = self.partners.goods(cart.lines.keys(), deadline).await?;
        let mut differences = compare(&cart.lines, &goods, draft.lines.as_deref());
        if draft.accept_changes {
            differences.retain(|difference| !difference.is_acceptable());
        }
        if !differences.is_empty() {
            return Ok(changed(&differences));
        }
        if cart.lines.is_empty() {
            return Err(Problem::unprocessable("the cart is empty"));
        }
        let line = |(sku, quantity): (&String, &i64)| {
            let price_cents = goods.get(sku).map_or(0, |goods| goods.price_cents);
            Line { sku: sku.clone(), quantity: *quantity, price_cents }
        };
        let lines: Vec<Line> = cart.lines.iter().map(line).collect();
        let id = Uuid::now_v7();
        let (name, context) = (draft.cart.as_str(), cart.context.as_str());
        let begin = Begin { id, key, cart: name, context, lines: &lines };
        let begun = perform(&self.primary, &begin, deadline).await?.answer;
        if begun != Begun::New {
            return self.repeat(begun, deadline).await;
        }
        self.drive(Open { id, draft, cart: &cart, lines: &lines, deadline }).await
    }

    async fn drive(&self, open: Open<'_>) -> Result<Response<Body>, Problem> {
        let Open { id, draft, cart, lines, deadline } = open;
        let (taken, currency) = match self.partners.take(id, lines, deadline).await {
            Taken::Done { lines, currency } => (lines, currency),
            Taken::Refused(reason) => return self.refuse(&open, &reason).await,
            Taken::Unknown => {
                self.give_back(&open).await;
                let detail = "the stock could not be taken in time; order again";
                return Err(Problem::unavailable(super::recovery::PERIOD, detail));
            }
        };
        // Prices may have changed between the look and the take.
        let differences = price_changes(&taken, lines);
        if !differences.is_empty() && draft.expected().is_some() {
            self.give_back(&open).await;
            return Ok(changed(&differences));
        }
        let order = Order { id, lines: &taken, currency: &currency };
        match perform(&self.primary, &order, deadline).await {
            Ok(committed) if committed.answer => {
                self.metrics.conflicts.inc_by(committed.conflicts);
            }
            // The recovery has taken it for abandoned, and gives back.
            Ok(_) => {
                let detail = "it took too long, and the stock was given back; order again";
                return Err(Problem::unavailable(super::recovery::PERIOD, detail));
            }
            Err(Failure::Unknown) => return Err(unknown_outcome()),
            Err(Failure::Refused(problem)) => {
                self.give_back(&open).await;
                return Err(problem);
            }
        }
        let is_told = self.tell_cart(id, &draft.cart, &cart.context, deadline).await;
        let amount: i64 = taken.iter().map(|line| line.quantity * line.price_cents).sum();
        let body = json!({
            "order_id": id, "cart": draft.cart, "lines": taken, "amount_cents": amount,
            "currency": currency, "cart_told": is_told,
        });
        Ok(answer::json(StatusCode::CREATED, &body))
    }

    /// Tells the cart what was ordered; the recovery does if this fails.
    pub(super) async fn tell_cart(
        &self,
        id: Uuid,
        cart: &str,
        context: &str,
        deadline: Deadline,
    ) -> bool {
        if !self.partners.checked_out(id, cart, context, deadline).await {
            return false;
        }
        let done = Move { id, from: "ordered", to: "done", refusal: None };
        // If it is not noted, the cart is told again, which changes nothing.
        drop(perform(&self.primary, &done, deadline).await);
        true
    }

    /// Gives back what may have been taken, if nobody else does and no order was made.
    pub(super) async fn release(&self, id: Uuid, lines: &[Line], deadline: Deadline) -> bool {
        if !self.partners.release(id, lines, deadline).await {
            return false;
        }
        let released = Move { id, from: "releasing", to: "released", refusal: None };
        let moved = perform(&self.primary, &released, deadline).await;
        let is_released = moved.is_ok_and(|moved| moved.answer);
        self.metrics.released.inc_by(is_released.into());
        is_released
    }

    async fn give_back(&self, open: &Open<'_>) {
        let releasing = Move { id: open.id, from: "taking", to: "releasing", refusal: None };
        let moved = perform(&self.primary, &releasing, open.deadline).await;
        if moved.is_ok_and(|moved| moved.answer) {
            self.release(open.id, open.lines, open.deadline).await;
        }
    }

    async fn refuse(&self, open: &Open<'_>, reason: &Value) -> Result<Response<Body>, Problem> {
        let body = json!({
            "type": "urn:standfast:problem:short", "title": "There is not enough of it",
            "status": 409, "detail": "nothing was ordered", "reason": reason,
        });
        let refusal = body.to_string();
        let refused = Move { id: open.id, from: "taking", to: "released", refusal: Some(&refusal) };
        perform(&self.primary, &refused, open.deadline).await?;
        Ok(conflict(refusal))
    }

    /// The answer that was given to the same request before.
    async fn repeat(&self, known: Begun, deadline: Deadline) -> Result<Response<Body>, Problem> {
        match known {
            Begun::Ordered(id) => {
                let found = perform(&self.primary, &Show(id), deadline).await?.answer;
                Ok(answer::json(StatusCode::CREATED, &shown(found)?))
            }
            Begun::Refused(refusal) => Ok(conflict(refusal)),
            Begun::New | Begun::Open => Err(in_progress()),
            Begun::CartBusy => Err(cart_busy()),
            Begun::Twin => Err(ordered_already()),
            Begun::Other => {
                let detail = "this Idempotency-Key was used with another request";
                Err(Problem::unprocessable(detail))
            }
        }
    }
}

/// Before anything is written down: a checkout whose stock nobody takes could not be ended either.
fn check_size(cart: &Cart) -> Result<(), Problem> {
    match cart.lines.len() {
        0..=LINES_MAX => Ok(()),
        count => Err(Problem::unprocessable(format!(
            "the cart has {count} products, and an order at most {LINES_MAX}"
        ))),
    }
}

fn price_changes(taken: &[Line], looked: &[Line]) -> Vec<Difference> {
    let price = |sku: &String| looked.iter().find(|line| line.sku == *sku);
    let change = |line: &Line| {
        let shown_cents = price(&line.sku)?.price_cents;
        let (sku, price_cents) = (line.sku.clone(), line.price_cents);
        (shown_cents != price_cents).then_some(Difference::Price { sku, shown_cents, price_cents })
    };
    taken.iter().filter_map(change).collect()
}

/// What a customer has to look at before anything is ordered.
fn changed(differences: &[Difference]) -> Response<Body> {
    let body = json!({
        "type": "urn:standfast:problem:changed", "title": "The cart is not what was shown",
        "status": 409, "detail": "nothing was ordered; look at the differences, and order again",
        "differences": differences,
    });
    conflict(body.to_string())
}

fn conflict(body: String) -> Response<Body> {
    let mut response = answer::raw_json(StatusCode::CONFLICT, body);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_with_more_than_the_inventory_takes_is_refused_before_anything_is_written() {
        let cart = |count: usize| {
            let lines = (0..count).map(|number| (format!("SKU-{number}"), 1)).collect();
            check_size(&Cart { lines, context: String::new() })
        };
        assert!(cart(LINES_MAX).is_ok());
        assert_eq!(cart(LINES_MAX + 1).unwrap_err().status(), 422);
    }
}
