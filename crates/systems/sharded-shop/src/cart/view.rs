//! Carts as clients see them.

use serde::Serialize;

use super::content::Content;
use super::context::CartContext;
use super::state::{Carts, Mode};

/// A line of a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LineView {
    pub(super) sku: String,
    pub(super) quantity: u64,
    /// Quantities that were set on both sides of a partition: the largest counts, and the customer
    /// may be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rivals: Vec<u64>,
}

/// A cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CartView {
    pub(super) cart: String,
    pub(super) lines: Vec<LineView>,
    /// The same in short.
    pub(super) skus: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// The cart under which all of it is found now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merged_into: Option<String>,
    /// What this answer had seen, for a checkout.
    pub(super) context: String,
}

/// A line of a cart in the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RowView {
    pub(super) cart: String,
    pub(super) sku: String,
    pub(super) quantity: u64,
}

/// Lines of carts that are next to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PageView {
    pub(super) lines: Vec<RowView>,
    pub(super) next_after: Option<String>,
    /// Equal on nodes that have the same of everything.
    pub(super) root: String,
}

impl Carts {
    /// A cart with all that is merged into it. One that nobody has touched is empty.
    pub(super) fn show(&self, cart: &str) -> CartView {
        let mut lines: Vec<LineView> = Vec::new();
        for member in self.members(cart) {
            for (sku, quantity) in self.lines(&member) {
                let rivals = self.rivals(&member, &sku);
                match lines.iter_mut().find(|line| line.sku == sku) {
                    Some(line) => {
                        line.quantity += quantity;
                        line.rivals.extend(rivals);
                    }
                    None => lines.push(LineView { sku, quantity, rivals }),
                }
            }
        }
        let content = self.content(cart);
        CartView {
            cart: cart.to_owned(),
            skus: lines.iter().map(|line| line.sku.clone()).collect(),
            lines,
            note: content.and_then(|held| held.note.as_ref()).map(|note| note.text.clone()),
            merged_into: self.moved_to(cart).map(str::to_owned),
            context: self.context(cart).to_string(),
        }
    }

    /// What this node has seen of a cart and of those that are merged into it and have lines: of
    /// the others a checkout has nothing to remove, and a customer collects them for years.
    pub(super) fn context(&self, cart: &str) -> CartContext {
        let seen = |member: String| {
            let seen = self.content(&member).map(|content| content.lines.seen().clone());
            (member, seen.unwrap_or_default())
        };
        let shown = |member: &String| member == cart || !self.lines(member).is_empty();
        CartContext(self.members(cart).into_iter().filter(shown).map(seen).collect())
    }

    /// Lines of at most `limit` carts after `after`, each under the cart that it was put into.
    pub(super) fn page(&self, after: &str, limit: usize) -> PageView {
        let mut lines = Vec::new();
        let mut last = None;
        let mut shown = 0;
        for (cart, _) in self.after(after).take(limit) {
            let rows = self.lines(cart).into_iter();
            lines.extend(rows.map(|(sku, quantity)| RowView { cart: cart.clone(), sku, quantity }));
            (last, shown) = (Some(cart.clone()), shown + 1);
        }
        let root = serde_json::to_string(&self.root()).expect("a digest is two numbers");
        PageView { lines, next_after: last.filter(|_| shown == limit), root }
    }

    fn rivals(&self, cart: &str, sku: &String) -> Vec<u64> {
        let of = |content: &Content| content.lines.rivals(sku);
        match self.identity.mode {
            Mode::Dotted => self.content(cart).map(of).unwrap_or_default(),
            Mode::LastWriter => Vec::new(),
        }
    }
}
