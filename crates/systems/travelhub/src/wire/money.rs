//! Money: whole cents of one currency. There is no arithmetic between currencies, and none that
//! rounds without saying so.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount. Negative ones do not occur: a refund says that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Money {
    pub(crate) cents: i64,
    pub(crate) currency: Currency,
}

/// Three capital letters, as in ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Currency([u8; 3]);

/// Why a text names no currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no currency of three capital letters")]
pub(crate) struct CurrencyError(String);

impl Currency {
    pub(crate) const EUR: Self = Self(*b"EUR");

    pub(crate) fn name(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only capital letters are taken")
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(text: String) -> Result<Self, CurrencyError> {
        let letters: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        match letters.filter(|letters| letters.iter().all(u8::is_ascii_uppercase)) {
            Some(letters) => Ok(Self(letters)),
            None => Err(CurrencyError(text)),
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.name().to_owned()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cents, currency } = self;
        write!(formatter, "{}.{:02} {}", cents / 100, cents.abs() % 100, currency.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_cents_and_a_currency_on_the_wire() {
        let money = Money { cents: 12_305, currency: Currency::EUR };
        let text = serde_json::to_string(&money).unwrap();
        assert_eq!(text, r#"{"cents":12305,"currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
        assert_eq!(money.to_string(), "123.05 EUR");
    }

    #[test]
    fn what_is_no_currency_is_no_money() {
        for wrong in ["eur", "EURO", "E1R", ""] {
            let text = format!(r#"{{"cents":1,"currency":"{wrong}"}}"#);
            assert!(serde_json::from_str::<Money>(&text).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Money>(r#"{"cents":1.5,"currency":"EUR"}"#).is_err());
    }
}
