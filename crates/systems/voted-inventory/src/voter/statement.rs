//! What a replica says of the stock: read from its answer, and checked before it may count.

use serde::Deserialize;

/// The offset of nothing: a product that no event has touched.
const BEFORE_LOG: i64 = -1;

/// A list is no longer than this, whoever sends it.
const PRODUCTS_MAX: usize = 10_000;

/// What there is of a product, and the offset of the event that made it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) units: u32,
    pub(super) version: i64,
}

/// That a product has this stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) product: String,
    pub(super) stock: Stock,
}

/// Why an answer is beyond belief.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unbelievable {
    #[error("the answer is not of the agreed form: {0}")]
    Form(#[from] serde_json::Error),
    #[error("version {0} is before the log")]
    Version(i64),
    #[error("the answer is about `{0}`, which was not asked for")]
    Subject(String),
    #[error("a product is named twice, or there are too many")]
    List,
}

#[derive(Deserialize)]
struct Line {
    product_id: String,
    stock: u32,
    version: i64,
}

#[derive(Deserialize)]
struct List {
    products: Vec<Line>,
}

impl Line {
    fn statement(self) -> Result<Statement, Unbelievable> {
        if self.version < BEFORE_LOG {
            return Err(Unbelievable::Version(self.version));
        }
        let stock = Stock { units: self.stock, version: self.version };
        Ok(Statement { product: self.product_id, stock })
    }
}

/// The answer about `product`.
pub(super) fn read_one(product: &str, body: &[u8]) -> Result<Vec<Statement>, Unbelievable> {
    let line: Line = serde_json::from_slice(body)?;
    if line.product_id != product {
        return Err(Unbelievable::Subject(line.product_id));
    }
    Ok(vec![line.statement()?])
}

/// The answer about all products, by name.
pub(super) fn read_all(body: &[u8]) -> Result<Vec<Statement>, Unbelievable> {
    let List { products } = serde_json::from_slice(body)?;
    let statements: Result<Vec<_>, _> = products.into_iter().map(Line::statement).collect();
    let mut statements = statements?;
    statements.sort_by(|one, other| one.product.cmp(&other.product));
    let is_twice = statements.windows(2).any(|pair| pair[0].product == pair[1].product);
    if is_twice || statements.len() > PRODUCTS_MAX {
        return Err(Unbelievable::List);
    }
    Ok(statements)
}

/// An offset as the tactic counts: from zero.
pub(super) fn version_of(offset: i64) -> u64 {
    offset.max(BEFORE_LOG).abs_diff(BEFORE_LOG)
}

/// The reverse of [`version_of`].
pub(super) fn at_offset(version: u64) -> i64 {
    let Some(offset) = version.checked_sub(1) else { return BEFORE_LOG };
    i64::try_from(offset).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_or_cannot_be_is_no_answer() {
        let one = |body: &str| read_one("P", body.as_bytes());
        let said = one(r#"{"product_id":"P","stock":3,"version":-1,"replica":"x"}"#).unwrap();
        assert_eq!(said[0].stock, Stock { units: 3, version: -1 });
        for wrong in [
            "",
            "{}",
            r#"{"product_id":"Q","stock":3,"version":1}"#,
            r#"{"product_id":"P","stock":-3,"version":1}"#,
            r#"{"product_id":"P","stock":3,"version":-2}"#,
        ] {
            assert!(one(wrong).is_err(), "{wrong}");
        }
        let twice = r#"{"products":[{"product_id":"P","stock":1,"version":1},
                                    {"product_id":"P","stock":2,"version":1}]}"#;
        assert!(read_all(twice.as_bytes()).is_err());
    }

    #[test]
    fn offsets_and_versions_are_the_same_up_to_a_shift() {
        for offset in [-1, 0, 1, 4711, i64::MAX] {
            assert_eq!(at_offset(version_of(offset)), offset);
        }
        assert_eq!(version_of(-1), 0);
    }
}
