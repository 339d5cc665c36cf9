//! What a replica knows: its name, its key, and the rules.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use time::OffsetDateTime;

use super::super::wire::{ComputeRequest, Introduction, SignedStatement, Statement};
use crate::service::problem::Problem;

/// The version of `Quote::amount`. Replicas under other rules are not compared.
pub(super) const RULES: u32 = 1;

/// A vote takes a tenth of a second; an answer that comes later than this is of another day.
const VALID_FOR: Duration = Duration::from_secs(30);

/// The longest name of an asker.
const ASKER_LENGTH_MAX: usize = 64;

/// A replica.
#[derive(Debug)]
pub(super) struct Replica {
    name: String,
    pub(super) key: SigningKey,
    /// The first that it ever signed for an asker, for those times when it repeats itself.
    pub(super) first: OnceLock<SignedStatement>,
    pub(super) answered: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Replica {
    pub(super) fn new(name: String, key: SigningKey) -> Self {
        let (answered, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { name, key, first: OnceLock::new(), answered, refused }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn introduction(&self) -> Introduction {
        Introduction::new(&self.name, &self.key)
    }

    /// What it has to say to `request`.
    pub(super) fn statement(
        &self,
        request: &ComputeRequest,
        now: OffsetDateTime,
    ) -> Result<Statement, Problem> {
        let quote = &request.quote;
        if request.asker.is_empty() || request.asker.len() > ASKER_LENGTH_MAX {
            let text = format!("`asker` is a name of 1 to {ASKER_LENGTH_MAX} bytes");
            return Err(Problem::unprocessable(text));
        }
        let amount = quote.billable();
        let amount = amount.map_err(|error| Problem::unprocessable(error.to_string()))?;
        Ok(Statement {
            replica: self.name.clone(),
            rules: RULES,
            kind: request.kind,
            attempt: request.attempt,
            asker: request.asker.clone(),
            reservation_id: quote.reservation_id,
            quote_digest: quote.digest(),
            amount,
            expires: now + VALID_FOR,
        })
    }

    /// Counts what came of a request.
    pub(super) fn count(&self, is_answered: bool) {
        let counter = if is_answered { &self.answered } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};
    use uuid::Uuid;

    use super::super::super::wire::{ChargeKind, Currency, Quote};
    use super::*;

    fn request(price_cents: i64, nights: usize) -> ComputeRequest {
        let quote = Quote {
            reservation_id: Uuid::from_u128(1),
            offer_id: Uuid::from_u128(2),
            check_in: date!(2027 - 03 - 01),
            price_cents,
            night_percents: vec![100; nights],
            tax_permille: 70,
            currency: Currency::EUR,
        };
        let attempt = Uuid::from_u128(3);
        ComputeRequest { kind: ChargeKind::Charge, attempt, asker: "cashier/a".to_owned(), quote }
    }

    fn replica(seed: u8) -> Replica {
        Replica::new(format!("payments-{seed}"), SigningKey::from_bytes(&[seed; 32]))
    }

    const NOW: OffsetDateTime = datetime!(2027-02-01 12:00 UTC);

    #[test]
    fn all_replicas_say_the_same_of_one_quote_each_for_itself() {
        let said = [1, 2].map(|seed| replica(seed).statement(&request(10_000, 3), NOW).unwrap());
        assert_eq!(said[0].amount.cents, 32_100);
        assert_eq!((said[0].amount, said[0].quote_digest), (said[1].amount, said[1].quote_digest));
        assert_ne!(said[0].replica, said[1].replica);
    }

    #[test]
    fn a_quote_that_comes_to_nothing_is_refused() {
        let status = |request| replica(1).statement(&request, NOW).unwrap_err().status().as_u16();
        assert_eq!(status(request(10_000, 0)), 422);
        assert_eq!(status(request(10_000, 367)), 422);
        assert_eq!(status(request(0, 1)), 422);
        assert_eq!(status(request(-5, 1)), 422);
        assert_eq!(status(request(i64::MAX, 2)), 422);
        let asker = "a".repeat(ASKER_LENGTH_MAX + 1);
        assert_eq!(status(ComputeRequest { asker, ..request(1, 1) }), 422);
    }
}
