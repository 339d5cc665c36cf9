//! JSON as Go's `encoding/json` reads, refuses and writes it.
//!
//! Clients of Toxiproxy have seen nothing else for ten years: they compare its error texts, send
//! keys in any case, and print the numbers that they get. Every node knows where it stood, so that
//! a mistake in a configuration file can be told with its line and column.

mod marshal;
mod node;
mod scan;
mod text;
mod unmarshal;

pub(crate) use marshal::marshal;
pub(crate) use node::{Member, Node, Value};
pub(crate) use scan::{SyntaxError, first, first_with_end};
pub(crate) use unmarshal::{Reader, TypeError, is_named};
