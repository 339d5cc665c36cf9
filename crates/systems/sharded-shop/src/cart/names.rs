//! What clients may name and ask for: every length and number has a limit.

use serde::Serialize;

use crate::service::problem::Problem;

/// Of a cart or an item. A UUID has 36.
pub(super) const NAME_LENGTH_MAX: usize = 64;

/// Units of one line.
pub(super) const QUANTITY_MAX: u32 = 10_000;

/// Bytes of a note.
pub(super) const NOTE_LENGTH_MAX: usize = 1_000;

/// Lines that a node lets into one cart. Nodes that do not see each other may each fill it.
pub(super) const LINES_MAX: usize = 200;

/// Bytes of a cart as it is stored. Each addition is kept by itself until its line is set or
/// removed, so that this is where endless additions end.
pub(super) const CART_LENGTH_MAX: usize = 32 << 10;

/// Lives of nodes that have written to one cart. A number of each is kept for good.
pub(super) const WRITERS_MAX: usize = 128;

/// Carts that are merged into one and have lines.
pub(super) const MERGED_MAX: usize = 16;

/// Carts that were ever merged into one: each answer looks at all of them.
pub(super) const SOURCES_MAX: usize = 1_000;

/// A name as clients may give one: it stands in paths, in contexts and in lists with commas.
pub(super) fn checked(what: &str, name: String) -> Result<String, Problem> {
    if is_name(&name) {
        return Ok(name);
    }
    Err(Problem::unprocessable(format!(
        "`{what}` must be 1 to {NAME_LENGTH_MAX} of the letters A to Z, digits, `_` and `-`"
    )))
}

pub(super) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_letter)
}

/// Units from `least` on.
pub(super) fn checked_quantity(quantity: i64, least: u32) -> Result<u32, Problem> {
    let units = u32::try_from(quantity).ok();
    units.filter(|units| (least..=QUANTITY_MAX).contains(units)).ok_or_else(|| {
        let range = format!("{least} to {QUANTITY_MAX}");
        Problem::unprocessable(format!("`quantity` is {quantity}; it must be {range}"))
    })
}

/// Why a change is not made. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refused {
    #[error("the cart is full: it has {LINES_MAX} lines, or as many changes as it may hold")]
    CartFull,
    #[error("a line may have {QUANTITY_MAX} units")]
    LineFull,
    #[error("this node holds as many carts as it may")]
    TooManyCarts,
    #[error("{WRITERS_MAX} lives of nodes have written to the cart; begin a new one")]
    TooManyWriters,
    #[error("the cart was merged into `{into}`")]
    Merged { into: String },
    #[error("`{cart}` cannot be merged: {why}")]
    NotMergeable { cart: String, why: &'static str },
    #[error("`context` is none that this node gave: it claims changes that were not made")]
    ForeignContext,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "SKU-1_b", &"k".repeat(NAME_LENGTH_MAX)] {
            assert_eq!(checked("sku", good.to_owned()).unwrap(), good);
        }
        for wrong in ["", "a,b", "a b", "ä", "a/b", "a=b", &"k".repeat(NAME_LENGTH_MAX + 1)] {
            assert_eq!(checked("sku", wrong.to_owned()).unwrap_err().status(), 422, "{wrong}");
        }
    }

    #[test]
    fn a_quantity_has_both_limits() {
        assert_eq!(checked_quantity(1, 1).unwrap(), 1);
        assert_eq!(checked_quantity(0, 0).unwrap(), 0);
        assert_eq!(checked_quantity(i64::from(QUANTITY_MAX), 1).unwrap(), QUANTITY_MAX);
        for (wrong, least) in [(0, 1), (-1, 0), (i64::from(QUANTITY_MAX) + 1, 0), (i64::MAX, 0)] {
            assert!(checked_quantity(wrong, least).is_err(), "{wrong}");
        }
    }
}
