//! How a service follows the log of reservations: it asks for what came since its own number, at
//! its start and every now and then, and keeps that number with what it makes of the entries.
//!
//! Nobody tells it anything, so nothing can be missed: after an outage of any length it asks from
//! where it stopped.

mod cursor;
mod feed;
mod follow;
mod progress;
mod settings;

pub(super) use cursor::{cursor_of, move_to};
pub(super) use follow::{Follow, Projection, Span};
pub(super) use progress::Progress;
pub(super) use settings::{FollowerSettings, Role};
