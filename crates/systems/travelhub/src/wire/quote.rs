//! What a stay costs, and from what that follows: all that a payment replica needs to find the
//! amount by itself, with whole numbers only.

use serde::{Deserialize, Serialize};
use time::Date;
use uuid::Uuid;

use super::day;
use super::money::{Currency, Money};

/// The price of one reservation, in its parts. It is fixed when the reservation is made: what the
/// catalogue says later changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quote {
    pub(crate) reservation_id: Uuid,
    pub(crate) offer_id: Uuid,
    #[serde(with = "day")]
    pub(crate) check_in: Date,
    /// For one night at the rate of 100 %.
    pub(crate) price_cents: i64,
    /// The rate of each night of the stay.
    pub(crate) night_percents: Vec<u16>,
    /// The city's tax, on what all nights cost together.
    pub(crate) tax_permille: u16,
    pub(crate) currency: Currency,
}

impl Quote {
    /// What is to be paid: the nights, cut to whole cents once, and the tax, rounded half up.
    /// `None` when it is beyond every number.
    pub(crate) fn amount(&self) -> Option<Money> {
        let percents: i64 = self.night_percents.iter().map(|percent| i64::from(*percent)).sum();
        let net = self.price_cents.checked_mul(percents)? / 100;
        let tax = net.checked_mul(self.tax_permille.into())?.checked_add(500)? / 1000;
        Some(Money { cents: net.checked_add(tax)?, currency: self.currency })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn quote(price_cents: i64, night_percents: &[u16], tax_permille: u16) -> Quote {
        Quote {
            reservation_id: Uuid::nil(),
            offer_id: Uuid::nil(),
            check_in: date!(2027 - 03 - 01),
            price_cents,
            night_percents: night_percents.to_vec(),
            tax_permille,
            currency: Currency::EUR,
        }
    }

    #[test]
    fn an_amount_is_the_nights_and_the_tax_on_them() {
        let cents = |quote: Quote| quote.amount().map(|amount| amount.cents);
        assert_eq!(cents(quote(10_000, &[100, 125], 70)), Some(22_500 + 1_575));
        // 3.33 are cut to 3, and 3 × 0.5 is rounded half up.
        assert_eq!(cents(quote(3, &[111], 500)), Some(3 + 2));
        assert_eq!(cents(quote(i64::MAX, &[100, 100], 0)), None);
    }

    #[test]
    fn a_quote_reads_as_it_was_written() {
        let quote = quote(9_900, &[100], 70);
        let text = serde_json::to_string(&quote).unwrap();
        assert!(text.contains(r#""check_in":"2027-03-01""#), "{text}");
        assert_eq!(serde_json::from_str::<Quote>(&text).unwrap(), quote);
    }
}
