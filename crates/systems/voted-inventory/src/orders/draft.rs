//! An order as a client writes it, checked. Whether there is such a product, or enough of it, is
//! not decided here: that is the replicas' business.

use serde::Deserialize;

use crate::service::problem::Problem;

/// The column's limit.
const PRODUCT_LENGTH_MAX: usize = 64;

/// More units at once is a mistake.
const QUANTITY_MAX: i64 = 1_000_000;

/// What a client may say of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) product_id: String,
    pub(super) quantity: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    product_id: String,
    quantity: i64,
}

impl Draft {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let Body { product_id, quantity } = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the body is no order: {error}");
            // Valid JSON with wrong content is understood, and refused.
            if error.is_data() {
                Problem::unprocessable(detail)
            } else {
                Problem::bad_request(detail)
            }
        })?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if product_id.is_empty()
            || product_id.len() > PRODUCT_LENGTH_MAX
            || !product_id.bytes().all(is_name)
        {
            return Err(Problem::unprocessable(format!(
                "`product_id` must be 1 to {PRODUCT_LENGTH_MAX} letters, digits or any of - _ ."
            )));
        }
        let quantity = u32::try_from(quantity)
            .ok()
            .filter(|quantity| (1..=QUANTITY_MAX).contains(&i64::from(*quantity)))
            .ok_or_else(|| {
                Problem::unprocessable(format!("`quantity` must be from 1 to {QUANTITY_MAX}"))
            })?;
        Ok(Self { product_id, quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, status: u16, part: &str) {
        let problem = Draft::parse(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), status, "{problem:?}");
        assert!(format!("{problem:?}").contains(part), "{problem:?}");
    }

    #[test]
    fn a_good_order_is_taken() {
        let draft = Draft::parse(br#"{"product_id":"PROD-001","quantity":5}"#).unwrap();
        assert_eq!(draft, Draft { product_id: "PROD-001".to_owned(), quantity: 5 });
    }

    #[test]
    fn a_bad_order_is_refused_with_its_reason() {
        let order = |product: &str, quantity: &str| {
            format!(r#"{{"product_id":{product},"quantity":{quantity}}}"#)
        };
        refused("", 400, "no order");
        refused("{\"product_id\":", 400, "no order");
        refused("[]", 422, "no order");
        refused("{}", 422, "product_id");
        refused(&order("1", "1"), 422, "string");
        refused(&order("\"P\"", "\"1\""), 422, "i64");
        refused(&order("\"P\"", "1.5"), 422, "i64");
        refused(&order("\"P\"", "0"), 422, "`quantity`");
        refused(&order("\"P\"", "-1"), 422, "`quantity`");
        refused(&order("\"P\"", "1000001"), 422, "`quantity`");
        refused(&order("\"P\"", "99999999999"), 422, "`quantity`");
        refused(&order("\"\"", "1"), 422, "`product_id`");
        refused(&order("\"P\\u0000\"", "1"), 422, "`product_id`");
        refused(&order(&format!("\"{}\"", "P".repeat(65)), "1"), 422, "`product_id`");
        refused(r#"{"product_id":"P","quantity":1,"colour":"red"}"#, 422, "colour");
    }
}
