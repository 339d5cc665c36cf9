//! What a payment replica says and signs: that this attempt at this charge, asked by this asker,
//! comes to this amount.
//!
//! What is signed is not JSON but the fields themselves, each with its length: one text has one
//! meaning. An asker believes nothing that is under no good signature of the very replica it asked,
//! or that names another attempt than its own: then an answer from before is none, however well it
//! is signed. Two good signatures of one replica under two amounts for one quote are proof that it
//! lies, to anybody who knows its key.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::charge::ChargeKind;
use super::hex::Hex;
use super::money::Money;
use super::quote::Quote;

/// Keeps these signatures apart from all others that the same key may ever make.
const STATEMENT: &[u8] = b"standfast travelhub statement 1";
const INTRODUCTION: &[u8] = b"standfast travelhub introduction 1";

/// The body of `POST /charges/compute`, answered with a [`SignedStatement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComputeRequest {
    pub(crate) kind: ChargeKind,
    /// Made up by the asker for this vote, and never used again.
    pub(crate) attempt: Uuid,
    pub(crate) asker: String,
    pub(crate) quote: Quote,
}

/// What a replica says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    pub(crate) replica: String,
    /// The version of the rules by which it finds amounts.
    pub(crate) rules: u32,
    pub(crate) kind: ChargeKind,
    pub(crate) attempt: Uuid,
    pub(crate) asker: String,
    pub(crate) reservation_id: Uuid,
    pub(crate) quote_digest: Hex<32>,
    pub(crate) amount: Money,
    /// From then on it is of no use.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) expires: OffsetDateTime,
}

/// What a replica says, and its word for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedStatement {
    pub(crate) statement: Statement,
    pub(crate) signature: Hex<64>,
}

/// The answer to `GET /key`: who a replica is, with proof that the key is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Introduction {
    pub(crate) replica: String,
    pub(crate) public_key: Hex<32>,
    pub(crate) proof: Hex<64>,
}

/// A year: nobody stays longer, and a list without an end should cost nobody an hour.
const NIGHTS_MAX: usize = 366;

/// Why nothing can be charged for a quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum QuoteError {
    #[error("a stay has 1 to {NIGHTS_MAX} nights, not {0}")]
    Nights(usize),
    #[error("the quote comes to no amount above 0")]
    Amount,
}

impl Quote {
    /// What is to be paid, if it is anything.
    pub(crate) fn billable(&self) -> Result<Money, QuoteError> {
        let nights = self.night_percents.len();
        if nights == 0 || nights > NIGHTS_MAX {
            return Err(QuoteError::Nights(nights));
        }
        self.amount().filter(|amount| amount.cents > 0).ok_or(QuoteError::Amount)
    }

    /// Names the quote, whole.
    pub(crate) fn digest(&self) -> Hex<32> {
        let text = serde_json::to_vec(self).expect("a quote has string keys and plain values");
        Hex(Sha256::digest(text).into())
    }
}

impl Statement {
    /// The same under `key`.
    pub(crate) fn sign(self, key: &SigningKey) -> SignedStatement {
        let signature = Hex(key.sign(&self.to_sign()).to_bytes());
        SignedStatement { statement: self, signature }
    }

    fn to_sign(&self) -> Vec<u8> {
        let kind = match self.kind {
            ChargeKind::Charge => [0],
            ChargeKind::Refund => [1],
        };
        joined(&[
            STATEMENT,
            self.replica.as_bytes(),
            &self.rules.to_be_bytes(),
            &kind,
            self.attempt.as_bytes(),
            self.asker.as_bytes(),
            self.reservation_id.as_bytes(),
            &self.quote_digest.0,
            &self.amount.cents.to_be_bytes(),
            self.amount.currency.name().as_bytes(),
            &self.expires.unix_timestamp_nanos().to_be_bytes(),
        ])
    }
}

impl SignedStatement {
    /// Whether the owner of `key` signed it.
    pub(crate) fn is_of(&self, key: &VerifyingKey) -> bool {
        let signature = Signature::from_bytes(&self.signature.0);
        // Strict: no second signature can be made of a good one by who has not the key.
        key.verify_strict(&self.statement.to_sign(), &signature).is_ok()
    }
}

impl Introduction {
    pub(crate) fn new(replica: &str, key: &SigningKey) -> Self {
        let public_key = Hex(key.verifying_key().to_bytes());
        let proof = Hex(key.sign(&Self::to_sign(replica, public_key)).to_bytes());
        Self { replica: replica.to_owned(), public_key, proof }
    }

    /// The key, if it is one and the proof is good.
    pub(crate) fn key(&self) -> Option<VerifyingKey> {
        let key = VerifyingKey::from_bytes(&self.public_key.0).ok()?;
        let proof = Signature::from_bytes(&self.proof.0);
        let signed = Self::to_sign(&self.replica, self.public_key);
        key.verify_strict(&signed, &proof).is_ok().then_some(key)
    }

    fn to_sign(replica: &str, public_key: Hex<32>) -> Vec<u8> {
        joined(&[INTRODUCTION, replica.as_bytes(), &public_key.0])
    }
}

/// Each field behind its length, so that no two lists of fields read alike.
fn joined(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(320);
    for field in fields {
        let length = u32::try_from(field.len()).expect("a field is a name, an id or a number");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::money::Currency;
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn statement() -> Statement {
        Statement {
            replica: "payments-1".to_owned(),
            rules: 1,
            kind: ChargeKind::Charge,
            attempt: Uuid::from_u128(7),
            asker: "cashier/a".to_owned(),
            reservation_id: Uuid::from_u128(8),
            quote_digest: Hex([9; 32]),
            amount: Money { cents: 12_305, currency: Currency::EUR },
            expires: datetime!(2027-03-01 12:00 UTC),
        }
    }

    #[test]
    fn a_signature_is_of_one_key_and_of_every_field() {
        let signed = statement().sign(&key(1));
        assert!(signed.is_of(&key(1).verifying_key()));
        assert!(!signed.is_of(&key(2).verifying_key()));
        let changes: [fn(&mut Statement); 9] = [
            |one| one.replica.push('0'),
            |one| one.rules = 2,
            |one| one.kind = ChargeKind::Refund,
            |one| one.attempt = Uuid::from_u128(8),
            |one| one.asker = "cashier/b".to_owned(),
            |one| one.reservation_id = Uuid::from_u128(9),
            |one| one.quote_digest = Hex([8; 32]),
            |one| one.amount.cents += 1,
            |one| one.expires += time::Duration::NANOSECOND,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut forged = signed.clone();
            change(&mut forged.statement);
            assert!(!forged.is_of(&key(1).verifying_key()), "change {number}");
        }
    }

    #[test]
    fn a_statement_reads_as_it_was_written_and_its_signature_is_still_good() {
        let signed = statement().sign(&key(1));
        let text = serde_json::to_string(&signed).unwrap();
        let read: SignedStatement = serde_json::from_str(&text).unwrap();
        assert_eq!(read, signed);
        assert!(read.is_of(&key(1).verifying_key()));
    }

    #[test]
    fn only_the_owner_of_a_key_can_introduce_himself_with_it() {
        let own = Introduction::new("payments-1", &key(1));
        assert_eq!(own.key(), Some(key(1).verifying_key()));
        let stolen = Introduction { replica: "payments-2".to_owned(), ..own.clone() };
        assert_eq!(stolen.key(), None);
        let other = Hex(key(2).verifying_key().to_bytes());
        assert_eq!(Introduction { public_key: other, ..own }.key(), None);
    }

    #[test]
    fn fields_that_read_alike_when_joined_are_kept_apart() {
        assert_ne!(joined(&[b"ab", b"c"]), joined(&[b"a", b"bc"]));
    }
}
