//! A checkout: from the cart, which takes writes whatever happens, to stock and an order, which are
//! not promised to two. One row says how far it is, and is changed by whoever it still belongs to:
//!
//! `taking` → `ordered` → `done`, or `taking` → `releasing` → `released`.
//!
//! It is written before stock is taken. Whoever finds it too old, after a crash or with a partner
//! that did not answer, gives the stock back, which also bars a take that comes later; a driver
//! that was only slow then finds that its checkout is no longer `taking`, and makes no order.

mod comparison;
mod draft;
mod drive;
mod journal;
mod partners;
mod recovery;

pub(super) use draft::CheckoutDraft;
pub(super) use journal::{Show, shown};
pub(super) use partners::Partners;
pub(super) use recovery::recover;
