//! What clients do to carts: checked against what this node sees, and done at once.

use std::collections::BTreeMap;

use standfast_tactics::cart::{Cart, CausalContext, Dot};

use super::content::{Content, Deltas, Document, Register};
use super::context::CartContext;
use super::names::{
    CART_LENGTH_MAX, LINES_MAX, MERGED_MAX, QUANTITY_MAX, Refused, SOURCES_MAX, WRITERS_MAX,
};
use super::state::{Carts, Mode};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// So many more.
    Add {
        cart: String,
        sku: String,
        units: u32,
    },
    /// So many, in place of all that this node sees; 0 takes the line out.
    Set {
        cart: String,
        sku: String,
        units: u32,
    },
    /// What was bought: all that `context` has seen.
    CheckOut {
        cart: String,
        context: CartContext,
    },
    Annotate {
        cart: String,
        note: String,
    },
    /// `from` becomes a part of `into`, once: what is added to it elsewhere meanwhile, too.
    MergeInto {
        from: String,
        into: String,
    },
}

impl Carts {
    /// Makes `change`, and answers what it did.
    ///
    /// # Errors
    /// When it may not be; nothing is changed then.
    pub(super) fn apply(&mut self, change: &Change, now_ms: u64) -> Result<Deltas, Refused> {
        match change {
            Change::Add { cart, sku, units } => self.add(cart, sku, *units, now_ms),
            Change::Set { cart, sku, units } => self.set(cart, sku, *units, now_ms),
            Change::CheckOut { cart, context } => self.check_out(cart, context, now_ms),
            Change::Annotate { cart, note } => {
                self.admit(cart, None)?;
                let note = Some(Register { stamp: self.tick(now_ms), text: note.clone() });
                Ok(self.done(cart, Content { note, ..Content::default() }))
            }
            Change::MergeInto { from, into } => self.merge_into(from, into, now_ms),
        }
    }

    fn add(
        &mut self,
        cart: &str,
        sku: &String,
        units: u32,
        now_ms: u64,
    ) -> Result<Deltas, Refused> {
        self.admit(cart, Some(sku))?;
        let wanted = self.quantity(cart, sku) + u64::from(units);
        if wanted > u64::from(QUANTITY_MAX) {
            return Err(Refused::LineFull);
        }
        if self.identity.mode == Mode::LastWriter {
            return Ok(self.write(cart, now_ms, |lines| {
                lines.insert(sku.clone(), wanted);
            }));
        }
        let added = self.copy(cart).add(self.identity.replica, sku, units);
        let delta = added.map_err(|_| Refused::CartFull)?;
        Ok(self.done(cart, Content::of_lines(delta)))
    }

    /// The carts that are merged into it give theirs up, so that the line is what it is set to.
    fn set(
        &mut self,
        cart: &str,
        sku: &String,
        units: u32,
        now_ms: u64,
    ) -> Result<Deltas, Refused> {
        // A line that is there gets no longer by being set, so that this makes room in a full cart.
        let is_new = units > 0 && self.quantity(cart, sku) == 0;
        self.admit(cart, is_new.then_some(sku))?;
        let mut deltas = Deltas::new();
        for member in self.members(cart) {
            let units = if member == cart { units } else { 0 };
            if self.identity.mode == Mode::LastWriter {
                deltas.extend(self.write(&member, now_ms, |lines| {
                    lines.remove(sku);
                    if units > 0 {
                        lines.insert(sku.clone(), u64::from(units));
                    }
                }));
                continue;
            }
            let delta = self.copy(&member).set(self.identity.replica, sku, units);
            deltas.extend(self.done(&member, Content::of_lines(delta)));
        }
        Ok(deltas)
    }

    /// Removes what was seen, wherever it is shown now: that a part was merged into the cart may
    /// not have come here yet, or it was merged into another one since. It was bought all the same.
    fn check_out(
        &mut self,
        cart: &str,
        context: &CartContext,
        now_ms: u64,
    ) -> Result<Deltas, Refused> {
        // What an answer about a cart that was merged away shows is nothing.
        if !context.0.is_empty() && !context.0.contains_key(cart) {
            return Err(Refused::ForeignContext);
        }
        for (part, seen) in &context.0 {
            self.admit_context(part, seen)?;
        }
        let mut deltas = Deltas::new();
        for (part, seen) in &context.0 {
            if self.identity.mode == Mode::LastWriter {
                // Without dots nobody knows what was seen: what is there now is gone.
                deltas.extend(self.write(part, now_ms, BTreeMap::clear));
                continue;
            }
            let delta = self.copy(part).remove_seen(seen);
            deltas.extend(self.done(part, Content::of_lines(delta)));
        }
        Ok(deltas)
    }

    fn merge_into(&mut self, from: &str, into: &str, now_ms: u64) -> Result<Deltas, Refused> {
        let refuse = |why| Refused::NotMergeable { cart: from.to_owned(), why };
        if self.moved_to(from) == Some(into) {
            // Once is enough, however often it is asked for.
            return Ok(Deltas::new());
        }
        self.admit(into, None)?;
        self.admit_writer(from)?;
        let is_merged = |cart| self.content(cart).is_some_and(|held| held.merged_into.is_some());
        if from == into {
            return Err(refuse("it is the same cart"));
        }
        if is_merged(from) {
            return Err(refuse("it was merged before"));
        }
        if is_merged(into) {
            return Err(refuse("the other one was merged away, and back again would be a circle"));
        }
        if self.sources.get(from).is_some_and(|sources| !sources.is_empty()) {
            return Err(refuse("others are merged into it"));
        }
        if let Some(sources) = self.sources.get(into) {
            // One that was ordered or emptied is still a part, and shows nothing.
            let shown = sources.iter().filter(|source| !self.lines(source).is_empty()).count();
            if shown >= MERGED_MAX || sources.len() >= SOURCES_MAX {
                return Err(refuse("as many as may be are merged into the other one"));
            }
        }
        let register = Register { stamp: self.tick(now_ms), text: into.to_owned() };
        let merged_into = Some(register);
        Ok(self.done(from, Content { merged_into, ..Content::default() }))
    }

    /// Whether a cart may be written to, and get a line for `sku` where it has none.
    fn admit(&self, cart: &str, sku: Option<&String>) -> Result<(), Refused> {
        if let Some(into) = self.moved_to(cart) {
            return Err(Refused::Merged { into: into.to_owned() });
        }
        self.admit_writer(cart)?;
        let (Some(held), Some(sku)) = (self.held.get(cart), sku) else { return Ok(()) };
        let lines = self.lines(cart);
        let is_full = lines.len() >= LINES_MAX && !lines.contains_key(sku);
        match is_full || held.length >= CART_LENGTH_MAX {
            true => Err(Refused::CartFull),
            false => Ok(()),
        }
    }

    /// Whether there is room for another cart, and for this life of the node among its writers.
    fn admit_writer(&self, cart: &str) -> Result<(), Refused> {
        let Some(content) = self.content(cart) else {
            let is_full = self.held.len() >= self.identity.carts_max;
            return if is_full { Err(Refused::TooManyCarts) } else { Ok(()) };
        };
        let seen = content.lines.seen();
        let is_writer = seen.up_to(self.identity.replica) > 0;
        match !is_writer && seen.vector().count() >= WRITERS_MAX {
            true => Err(Refused::TooManyWriters),
            false => Ok(()),
        }
    }

    /// Whether what a client says that it has seen of a cart may be removed from it.
    ///
    /// A removal needs no number, and so no place among the writers. But a context is text that
    /// anybody may write: of this node it claims no more than was done here. What it claims of
    /// others cannot be known, so that it may not fill the cart with changes and lives which
    /// nobody here has heard of. Those that there are come here in time, and then it is taken.
    fn admit_context(&self, cart: &str, seen: &CausalContext) -> Result<(), Refused> {
        let none = Content::default();
        let content = self.content(cart).unwrap_or(&none);
        let (own, known) = (self.identity.replica, content.lines.seen());
        let is_done = |dot: Dot| dot.replica != own || known.contains(dot);
        if seen.up_to(own) > known.up_to(own) || !seen.beyond().all(is_done) {
            return Err(Refused::ForeignContext);
        }
        // Other nodes bring carts beyond the limit as well, but nobody may bring any number.
        if *content == none && self.held.len() >= 2 * self.identity.carts_max {
            return Err(Refused::TooManyCarts);
        }
        let mut lines = content.lines.clone();
        lines.remove_seen(seen);
        let (before, after) = (known.vector().count(), lines.seen().vector().count());
        if after > before && after > WRITERS_MAX / 2 {
            return Err(Refused::TooManyWriters);
        }
        let length = Content { lines, ..content.clone() }.digest().1;
        match length > content.digest().1 && length > 2 * CART_LENGTH_MAX {
            true => Err(Refused::CartFull),
            false => Ok(()),
        }
    }

    /// Writes all lines of a cart as one value.
    fn write(
        &mut self,
        cart: &str,
        now_ms: u64,
        change: impl FnOnce(&mut BTreeMap<String, u64>),
    ) -> Deltas {
        let mut lines = self.lines(cart);
        change(&mut lines);
        let document = Some(Document { stamp: self.tick(now_ms), lines });
        self.done(cart, Content { document, ..Content::default() })
    }

    /// The lines, to be changed. What that did is then merged here as it is anywhere else.
    fn copy(&self, cart: &str) -> Cart<String> {
        self.content(cart).map(|content| content.lines.clone()).unwrap_or_default()
    }

    fn done(&mut self, cart: &str, delta: Content) -> Deltas {
        match self.take_over(cart, &delta) {
            true => [(cart.to_owned(), delta)].into(),
            false => Deltas::new(),
        }
    }

    fn quantity(&self, cart: &str, sku: &str) -> u64 {
        self.lines(cart).get(sku).copied().unwrap_or(0)
    }

    /// What is in a cart itself, without those that are merged into it.
    pub(super) fn lines(&self, cart: &str) -> BTreeMap<String, u64> {
        let Some(content) = self.content(cart) else { return BTreeMap::new() };
        match (self.identity.mode, &content.document) {
            (Mode::Dotted, _) => quantities(&content.lines),
            (Mode::LastWriter, Some(document)) => document.lines.clone(),
            (Mode::LastWriter, None) => BTreeMap::new(),
        }
    }
}

fn quantities(cart: &Cart<String>) -> BTreeMap<String, u64> {
    cart.contents().map(|(sku, units)| (sku.clone(), units)).collect()
}
