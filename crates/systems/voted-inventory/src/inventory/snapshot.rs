//! The state as bytes, and back. Small numbers in little-endian order: an order takes 25 bytes,
//! where JSON would take 80 and ten times as long.
//!
//! What does not fit is never taken for a state: the digest finds torn and damaged files, the
//! identity finds those of another log or another catalogue.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::state::{Inbox, Initial, Order, Product, Standing, Stock};

/// Changes whenever the format does.
const MAGIC: &[u8; 8] = b"sf-inv-1";

const DIGEST_LENGTH: usize = 32;

/// What a snapshot must agree with to be of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Names the log. Empty where the brokers have no name.
    pub(super) log: String,
    pub(super) initial: Initial,
}

/// Why a snapshot is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSnapshot {
    #[error("it is no snapshot of this format")]
    Format,
    #[error("it is torn or damaged")]
    Damaged,
    #[error("it is of another log or catalogue")]
    Foreign,
}

/// The bytes of `stock`.
pub(super) fn encode(identity: &Identity, stock: &Stock) -> Vec<u8> {
    let (products, orders) = (stock.by_place(), stock.orders());
    let mut bytes = Vec::with_capacity(128 + products.len() * 12 + orders.len() * 25);
    bytes.extend_from_slice(MAGIC);
    put_identity(&mut bytes, identity);
    bytes.extend_from_slice(&stock.applied().to_le_bytes());
    bytes.extend_from_slice(&length(products.len()));
    for product in products {
        bytes.extend_from_slice(&product.stock.to_le_bytes());
        bytes.extend_from_slice(&product.version.to_le_bytes());
    }
    bytes.extend_from_slice(&length(orders.len()));
    for (id, order) in orders {
        let (kind, quantity) = match order.standing {
            Standing::Reserved { quantity } => (0, quantity),
            Standing::Rejected => (1, 0),
            Standing::Released => (2, 0),
            Standing::Barred => (3, 0),
        };
        bytes.extend_from_slice(id.as_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&order.product.to_le_bytes());
        bytes.extend_from_slice(&quantity.to_le_bytes());
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// The state in `bytes`, if they are of `identity`.
pub(super) fn decode(
    identity: &Identity,
    inbox: Inbox,
    bytes: &[u8],
) -> Result<Stock, BadSnapshot> {
    if !bytes.starts_with(MAGIC) {
        return Err(BadSnapshot::Format);
    }
    let split = bytes.len().checked_sub(DIGEST_LENGTH).ok_or(BadSnapshot::Damaged)?;
    let (content, digest) = bytes.split_at(split);
    if Sha256::digest(content).as_slice() != digest {
        return Err(BadSnapshot::Damaged);
    }
    let mut expected = MAGIC.to_vec();
    put_identity(&mut expected, identity);
    let rest = content.strip_prefix(expected.as_slice()).ok_or(BadSnapshot::Foreign)?;
    let mut cursor = Cursor(rest);
    let stock = cursor.stock(inbox).ok_or(BadSnapshot::Damaged)?;
    if cursor.0.is_empty() { Ok(stock) } else { Err(BadSnapshot::Damaged) }
}

fn put_identity(bytes: &mut Vec<u8>, identity: &Identity) {
    let Identity { log, initial: Initial { products, stock_each } } = identity;
    bytes.extend_from_slice(&length(log.len()));
    bytes.extend_from_slice(log.as_bytes());
    bytes.extend_from_slice(&products.to_le_bytes());
    bytes.extend_from_slice(&stock_each.to_le_bytes());
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).expect("memory ends before 4 thousand million orders").to_le_bytes()
}

/// What is not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn stock(&mut self, inbox: Inbox) -> Option<Stock> {
        let applied = i64::from_le_bytes(self.take()?);
        let mut products = Vec::new();
        for _ in 0..self.number()? {
            let stock = self.number()?;
            products.push(Product { stock, version: i64::from_le_bytes(self.take()?) });
        }
        let mut orders = HashMap::new();
        for _ in 0..self.number()? {
            let id = Uuid::from_bytes(self.take()?);
            let [kind] = self.take()?;
            let (product, quantity) = (self.number()?, self.number()?);
            let standing = match kind {
                0 => Standing::Reserved { quantity },
                1 => Standing::Rejected,
                2 => Standing::Released,
                3 => Standing::Barred,
                _ => return None,
            };
            orders.insert(id, Order { standing, product });
        }
        Some(Stock::restore(products, orders, applied, inbox))
    }
}

#[cfg(test)]
mod tests;
