//! What is measured and between what: the contenders, the origin behind them, and how each of them
//! is brought, started and told what to do.

mod bring;
mod contender;
mod control;
mod descriptors;
mod origin;
mod rivals;

pub(crate) use bring::{Programs, Running, Stand};
pub(crate) use contender::Contender;
pub(crate) use control::{Attempt, Call, Control};
pub(crate) use descriptors::Descriptors;
pub(crate) use origin::{ANSWER, Origin, REQUEST};
