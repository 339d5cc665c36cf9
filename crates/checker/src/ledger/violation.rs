//! What can be wrong with a ledger, as a sentence that can be checked by hand.

use std::fmt;
use std::ops::RangeInclusive;

/// How many units of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub product: String,
    pub quantity: u64,
}

/// One thing that is wrong. Positions are those of the creates in their scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerViolation {
    /// Acknowledged, and not there.
    Lost {
        order: String,
        index: u64,
    },
    /// Two clients were told the same order: one of theirs is lost.
    AcknowledgedTwice {
        order: String,
        indexes: [u64; 2],
    },
    /// The order is there more than once.
    StoredTwice {
        order: String,
    },
    /// It is there, and not as it was asked for.
    Altered {
        order: String,
        asked: Wanted,
        stored: Wanted,
    },
    /// It is there, and no attempt explains it.
    NeverAsked {
        order: String,
        stored: Wanted,
    },
    /// Nobody ever decided about it.
    Undecided {
        order: String,
    },
    /// Its cancellation was acknowledged, and it holds stock all the same.
    CancelWithoutEffect {
        order: String,
        index: u64,
    },
    /// More was sold than there was.
    Oversold {
        product: String,
        initial: i64,
        taken: i64,
    },
    /// There is less than nothing.
    NegativeStock {
        keeper: String,
        product: String,
        stock: i64,
    },
    /// What is left and what was taken is not what there was: something was applied twice, or
    /// never.
    Unbalanced {
        keeper: String,
        product: String,
        stock: i64,
        expected: RangeInclusive<i64>,
    },
    /// Two replicas disagree.
    Diverged {
        product: String,
        keepers: [String; 2],
        stocks: [i64; 2],
    },
    /// A replica does not know a product.
    NoStock {
        keeper: String,
        product: String,
    },
    /// An order that holds stock, and nobody reported it.
    Unreported {
        order: String,
    },
    ReportedTwice {
        order: String,
    },
    /// The report says something else than the order.
    Misreported {
        order: String,
        stored: Wanted,
        reported: Wanted,
    },
    /// There is a report, and no order that holds stock.
    ReportOfNone {
        order: String,
    },
}

impl LedgerViolation {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lost { .. } => "lost",
            Self::AcknowledgedTwice { .. } => "acknowledged twice",
            Self::StoredTwice { .. } => "stored twice",
            Self::Altered { .. } => "altered",
            Self::NeverAsked { .. } => "never asked for",
            Self::Undecided { .. } => "undecided",
            Self::CancelWithoutEffect { .. } => "cancelled without effect",
            Self::Oversold { .. } => "oversold",
            Self::NegativeStock { .. } => "negative stock",
            Self::Unbalanced { .. } => "unbalanced",
            Self::Diverged { .. } => "diverged",
            Self::NoStock { .. } => "without stock",
            Self::Unreported { .. } => "unreported",
            Self::ReportedTwice { .. } => "reported twice",
            Self::Misreported { .. } => "misreported",
            Self::ReportOfNone { .. } => "report of no order",
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.quantity, self.product)
    }
}

impl fmt::Display for LedgerViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { order, index } => {
                write!(f, "lost: order {order}, acknowledged to #{index}, is not there")
            }
            Self::AcknowledgedTwice { order, indexes: [one, other] } => {
                write!(f, "acknowledged twice: order {order}, to #{one} and #{other}")
            }
            Self::StoredTwice { order } => write!(f, "stored twice: order {order}"),
            Self::Altered { order, asked, stored } => {
                write!(f, "altered: order {order} was {asked} and is {stored}")
            }
            Self::NeverAsked { order, stored } => {
                write!(f, "never asked for: order {order}, {stored}")
            }
            Self::Undecided { order } => write!(f, "undecided: order {order}"),
            Self::CancelWithoutEffect { order, index } => {
                write!(f, "cancelled without effect: order {order}, acknowledged to #{index}")
            }
            Self::Oversold { product, initial, taken } => {
                write!(f, "oversold: {taken} of {product} were taken, there were {initial}")
            }
            Self::NegativeStock { keeper, product, stock } => {
                write!(f, "negative stock: {keeper} has {stock} of {product}")
            }
            Self::Unbalanced { keeper, product, stock, expected } => {
                let (low, high) = (expected.start(), expected.end());
                write!(f, "unbalanced: {keeper} has {stock} of {product}, ")?;
                match low == high {
                    true => write!(f, "its orders leave {low}"),
                    false => write!(f, "its orders leave {low} to {high}"),
                }
            }
            Self::Diverged { product, keepers: [one, other], stocks: [has, other_has] } => {
                write!(f, "diverged: {one} has {has} of {product}, {other} has {other_has}")
            }
            Self::NoStock { keeper, product } => {
                write!(f, "without stock: {keeper} does not know {product}")
            }
            Self::Unreported { order } => write!(f, "unreported: order {order} has no report"),
            Self::ReportedTwice { order } => write!(f, "reported twice: order {order}"),
            Self::Misreported { order, stored, reported } => {
                write!(f, "misreported: order {order} is {stored}, its report says {reported}")
            }
            Self::ReportOfNone { order } => {
                write!(f, "report of no order: {order} holds no stock, and is reported")
            }
        }
    }
}
