//! How a replica lies, when the lab wants it to: with its own key, as one does that is in the hands
//! of somebody else. Nothing outside of it could do that.

use uuid::Uuid;

use super::super::wire::{SignedStatement, Statement};
use super::replica::Replica;
use crate::service::fault_layer::Misconduct;

/// What a replica sends.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) signed: SignedStatement,
    /// Whether it is not what it should say.
    pub(super) is_misconduct: bool,
}

impl Replica {
    /// Signs `honest`, or what it is told to say in its place.
    pub(super) fn say(&self, honest: Statement, told: Option<Misconduct>) -> Said {
        let sign = |statement: Statement| statement.sign(&self.key);
        let raised = |mut statement: Statement, shift: i64| {
            statement.amount.cents = statement.amount.cents.saturating_add(shift);
            statement
        };
        let lie = |signed| Said { signed, is_misconduct: true };
        match told {
            None => Said { signed: sign(honest), is_misconduct: false },
            Some(Misconduct::Incorrect { shift }) => lie(sign(raised(honest, shift))),
            Some(Misconduct::Forge { shift }) => {
                let SignedStatement { statement, signature } = sign(honest);
                lie(SignedStatement { statement: raised(statement, shift), signature })
            }
            Some(Misconduct::Equivocate { shift }) if is_lied_to(&honest.asker) => {
                lie(sign(raised(honest, shift)))
            }
            Some(Misconduct::Equivocate { .. }) => {
                Said { signed: sign(honest), is_misconduct: false }
            }
            Some(Misconduct::Replay) => {
                let earlier = Statement { attempt: Uuid::max(), ..honest };
                lie(self.first.get().cloned().unwrap_or_else(|| sign(earlier)))
            }
        }
    }
}

/// Of two askers whose names differ in their last letter, as `cashier/a` and `cashier/b` do, one is
/// told the truth and the other is not.
fn is_lied_to(asker: &str) -> bool {
    asker.bytes().fold(0, |sum: u8, byte| sum.wrapping_add(byte)) % 2 == 1
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use time::macros::datetime;

    use super::super::super::wire::{ChargeKind, Currency, Hex, Money};
    use super::*;

    fn replica() -> Replica {
        Replica::new("payments-1".to_owned(), SigningKey::from_bytes(&[1; 32]))
    }

    fn honest(asker: &str) -> Statement {
        Statement {
            replica: "payments-1".to_owned(),
            rules: 1,
            kind: ChargeKind::Charge,
            attempt: Uuid::from_u128(7),
            asker: asker.to_owned(),
            reservation_id: Uuid::from_u128(8),
            quote_digest: Hex([9; 32]),
            amount: Money { cents: 1000, currency: Currency::EUR },
            expires: datetime!(2027-03-01 12:00 UTC),
        }
    }

    fn check(told: Misconduct, expected_cents: i64, is_signed: bool) {
        let said = replica().say(honest("cashier/a"), Some(told));
        assert!(said.is_misconduct, "{told:?}");
        assert_eq!(said.signed.statement.amount.cents, expected_cents, "{told:?}");
        assert_eq!(said.signed.is_of(&replica().key.verifying_key()), is_signed, "{told:?}");
    }

    #[test]
    fn a_lie_is_signed_and_a_forgery_is_not() {
        check(Misconduct::Incorrect { shift: 5 }, 1005, true);
        check(Misconduct::Forge { shift: 5 }, 1005, false);
        check(Misconduct::Replay, 1000, true);
    }

    #[test]
    fn one_asker_is_told_the_truth_and_the_other_is_not_both_under_a_good_signature() {
        let told = Some(Misconduct::Equivocate { shift: 5 });
        let said = ["cashier/a", "cashier/b"].map(|asker| replica().say(honest(asker), told));
        let mut cents = said.clone().map(|said| said.signed.statement.amount.cents);
        cents.sort_unstable();
        assert_eq!(cents, [1000, 1005]);
        let key = replica().key.verifying_key();
        assert!(said.iter().all(|said| said.signed.is_of(&key)));
        assert_eq!(said.iter().filter(|said| said.is_misconduct).count(), 1);
    }

    #[test]
    fn what_is_replayed_was_signed_for_another_attempt() {
        let replica = replica();
        let told = Some(Misconduct::Replay);
        let before = replica.say(honest("cashier/a"), told).signed.statement;
        assert_ne!(before.attempt, honest("cashier/a").attempt);
        let first = replica.say(honest("cashier/b"), None).signed;
        replica.first.set(first.clone()).unwrap();
        assert_eq!(replica.say(honest("cashier/a"), told).signed, first);
    }
}
