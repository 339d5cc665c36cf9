//! Declarations as we want them: unknown keys are errors, and every mistake knows its place.
//!
//! The configuration file and our own interface are read by it.

mod keys;
mod mistake;
mod proxies;
mod toxics;

pub(crate) use mistake::{Mistake, Position};
pub(crate) use proxies::{declaration, proxy_change};
pub(crate) use toxics::{toxic, toxic_change};
