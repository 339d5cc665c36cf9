//! An order as a client writes it, checked.

use axum::http::HeaderMap;
use serde::Deserialize;
use time::OffsetDateTime;

use super::super::app::{checked_name, checked_quantity, parse};
use super::journal::ClientOrder;
use crate::service::idempotency::IdempotencyKey;
use crate::service::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    product_id: String,
    quantity: i64,
    customer: String,
}

/// The order that `body` says, under the key that `headers` carry.
pub(super) fn client_order(headers: &HeaderMap, body: &[u8]) -> Result<ClientOrder, Problem> {
    let Body { product_id, quantity, customer } = parse(body)?;
    let product_id = checked_name("product_id", product_id)?;
    let customer = checked_name("customer", customer)?;
    let quantity = checked_quantity(quantity)?;
    let key = IdempotencyKey::of_request(headers, "POST", "/orders", body)?;
    let hash = key.as_ref().map_or(0, |key| hash_of(&key.request_hash));
    Ok(ClientOrder {
        product_id,
        quantity,
        customer,
        client_key: key.map(|key| key.key),
        client_hash: hash,
        at: OffsetDateTime::now_utc(),
    })
}

fn hash_of(digest: &[u8]) -> i64 {
    let mut first = [0; 8];
    let length = digest.len().min(first.len());
    first[..length].copy_from_slice(&digest[..length]);
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: Option<&str>, body: &str) -> Result<ClientOrder, Problem> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("idempotency-key", key.parse().unwrap());
        }
        client_order(&headers, body.as_bytes())
    }

    #[test]
    fn a_good_order_is_taken_and_its_key_names_its_contents() {
        let body = r#"{"product_id":"PROD-001","quantity":5,"customer":"ada"}"#;
        let order = read(Some("k"), body).unwrap();
        assert_eq!((order.quantity, order.customer.as_str()), (5, "ada"));
        let other = read(Some("k"), &body.replace('5', "6")).unwrap();
        assert_ne!(order.client_hash, other.client_hash);
        assert_eq!(read(None, body).unwrap().client_key, None);
    }

    #[test]
    fn a_bad_order_is_refused_and_says_why() {
        for (body, status) in [
            ("", 400),
            ("[]", 422),
            (r#"{"product_id":"P","quantity":1}"#, 422),
            (r#"{"product_id":"P","quantity":0,"customer":"a"}"#, 422),
            (r#"{"product_id":"P","quantity":"1","customer":"a"}"#, 422),
            (r#"{"product_id":"a b","quantity":1,"customer":"a"}"#, 422),
            (r#"{"product_id":"P","quantity":1,"customer":"a","colour":"red"}"#, 422),
        ] {
            assert_eq!(read(None, body).unwrap_err().status(), status, "{body}");
        }
    }
}
