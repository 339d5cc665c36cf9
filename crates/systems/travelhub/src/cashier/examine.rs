//! What an answer of a replica is worth before it is compared with others: nothing, unless it is
//! under the replica's own signature and answers this very question.

use ed25519_dalek::VerifyingKey;
use time::OffsetDateTime;
use uuid::Uuid;

use super::super::wire::{ChargeKind, Hex, SignedStatement};

/// One question to one replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) replica: &'a str,
    pub(super) asker: &'a str,
    pub(super) kind: ChargeKind,
    pub(super) attempt: Uuid,
    pub(super) reservation_id: Uuid,
    pub(super) quote_digest: Hex<32>,
}

/// What is wrong with an answer, whatever others say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The signature is not the replica's.
    Forged,
    /// It was signed for another question, or for one that is over.
    Replayed,
    /// It was signed for this attempt, and is about something else.
    Misquoted,
}

/// What was heard of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It says so, and it is its own word.
    Stated(Box<SignedStatement>),
    Flawed(Flaw),
    /// It failed, or said nothing that can be read.
    Failed,
}

/// Examines an answer to `asked` of the replica that `key` is of.
pub(super) fn examine(
    signed: SignedStatement,
    asked: Asked<'_>,
    key: &VerifyingKey,
    now: OffsetDateTime,
) -> Heard {
    if !signed.is_of(key) {
        return Heard::Flawed(Flaw::Forged);
    }
    let said = &signed.statement;
    let is_of_question = said.attempt == asked.attempt && said.asker == asked.asker;
    if !is_of_question || said.expires <= now {
        return Heard::Flawed(Flaw::Replayed);
    }
    let is_about_it = (said.replica.as_str(), said.kind) == (asked.replica, asked.kind)
        && said.reservation_id == asked.reservation_id
        && said.quote_digest == asked.quote_digest;
    if !is_about_it {
        return Heard::Flawed(Flaw::Misquoted);
    }
    Heard::Stated(Box::new(signed))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use time::Duration;
    use time::macros::datetime;

    use super::super::super::wire::{Currency, Money, Statement};
    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-03-01 12:00 UTC);

    const ASKED: Asked<'_> = Asked {
        replica: "payments-1",
        asker: "cashier/a",
        kind: ChargeKind::Charge,
        attempt: Uuid::from_u128(7),
        reservation_id: Uuid::from_u128(8),
        quote_digest: Hex([9; 32]),
    };

    fn check(change: impl FnOnce(&mut Statement), expected: Option<Flaw>) {
        let mut statement = Statement {
            replica: ASKED.replica.to_owned(),
            rules: 1,
            kind: ASKED.kind,
            attempt: ASKED.attempt,
            asker: ASKED.asker.to_owned(),
            reservation_id: ASKED.reservation_id,
            quote_digest: ASKED.quote_digest,
            amount: Money { cents: 1000, currency: Currency::EUR },
            expires: NOW + Duration::seconds(30),
        };
        change(&mut statement);
        let key = SigningKey::from_bytes(&[1; 32]);
        let signed = statement.sign(&key);
        let expected = match expected {
            None => Heard::Stated(Box::new(signed.clone())),
            Some(flaw) => Heard::Flawed(flaw),
        };
        assert_eq!(examine(signed, ASKED, &key.verifying_key(), NOW), expected);
    }

    #[test]
    fn a_good_signature_under_an_old_or_another_answer_is_worth_nothing() {
        check(|_| {}, None);
        check(|one| one.attempt = Uuid::from_u128(1), Some(Flaw::Replayed));
        check(|one| one.asker = "cashier/b".to_owned(), Some(Flaw::Replayed));
        check(|one| one.expires = NOW, Some(Flaw::Replayed));
        check(|one| one.reservation_id = Uuid::from_u128(1), Some(Flaw::Misquoted));
        check(|one| one.quote_digest = Hex([8; 32]), Some(Flaw::Misquoted));
        check(|one| one.kind = ChargeKind::Refund, Some(Flaw::Misquoted));
        check(|one| one.replica = "payments-2".to_owned(), Some(Flaw::Misquoted));
        check(|one| one.amount.cents = 1, None);
    }

    #[test]
    fn what_another_signed_is_forged() {
        let statement = Statement {
            replica: ASKED.replica.to_owned(),
            rules: 1,
            kind: ASKED.kind,
            attempt: ASKED.attempt,
            asker: ASKED.asker.to_owned(),
            reservation_id: ASKED.reservation_id,
            quote_digest: ASKED.quote_digest,
            amount: Money { cents: 1000, currency: Currency::EUR },
            expires: NOW + Duration::seconds(30),
        };
        let signed = statement.sign(&SigningKey::from_bytes(&[2; 32]));
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        assert_eq!(examine(signed, ASKED, &key, NOW), Heard::Flawed(Flaw::Forged));
    }
}
