//! Which statuses of HTTP a claim is about: one, or all that begin with the same digit. Whether
//! users see a failure is asked of all of 5xx, whichever of them a gateway picks.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Serialize, Serializer};

use super::file::TextOrNumber;

/// One status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// Such as 503.
    One(u16),
    /// Such as 5 for `5xx`.
    Class(u16),
}

impl Statuses {
    /// What `is` of a claim means; `None` when it is no status.
    pub(super) fn read(is: TextOrNumber) -> Option<Self> {
        match is {
            TextOrNumber::Number(status @ 100..=599) => Some(Self::One(status)),
            TextOrNumber::Number(_) => None,
            TextOrNumber::Text(text) => {
                let class = text.strip_suffix("xx")?.parse().ok()?;
                (1..=5).contains(&class).then_some(Self::Class(class))
            }
        }
    }

    /// All of them.
    pub fn range(self) -> RangeInclusive<u16> {
        match self {
            Self::One(status) => status..=status,
            Self::Class(class) => class * 100..=class * 100 + 99,
        }
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl Serialize for Statuses {
    /// As in the experiment.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(status) => serializer.serialize_u16(*status),
            Self::Class(_) => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_one_status_or_a_class() {
        let of = |text: &str| Statuses::read(TextOrNumber::Text(text.to_owned()));
        assert_eq!(of("5xx").unwrap().range(), 500..=599);
        assert_eq!(serde_json::to_string(&of("4xx").unwrap()).unwrap(), "\"4xx\"");
        let one = Statuses::read(TextOrNumber::Number(503)).unwrap();
        assert_eq!(
            (one.range(), serde_json::to_string(&one).unwrap().as_str()),
            (503..=503, "503")
        );
        for wrong in ["6xx", "0xx", "5XX", "xx", "503", "-1xx"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(Statuses::read(TextOrNumber::Number(600)), None);
    }
}
