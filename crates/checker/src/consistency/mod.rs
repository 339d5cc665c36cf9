//! Whether what clients saw can be explained by a simple, sequential thing: a register, a store of
//! keys, lists that are appended to, stock, a cart.
//!
//! Times are the clients': an operation took effect at some moment between `sent_us` and
//! `done_us`. One that ended before another began came first; all others are concurrent, equal
//! times included. A write without an answer may take effect at any later time, or never. So may
//! one that was answered with a status of 500 or more: a gateway can lose the answer of a write
//! that was done. Any other refusal means that nothing was done, also where its scenario takes that
//! for an answer.
//!
//! Every write of what is judged has to be in the history: a value that nobody wrote is held
//! against the system. What a search cannot decide within its [`Limits`] is unknown, and never
//! holds.

mod access;
mod append;
mod cart;
mod cycle;
mod judgement;
mod register;
mod search;
mod shrink;
mod stock;
mod transaction;
mod zones;

pub use append::{AppendOptions, judge_append};
pub use cart::{CartReading, judge_cart};
pub use judgement::{Finding, Judgement, Lack, Seen, Verdict};
pub use register::{RegisterOptions, judge_keys, judge_register};
pub use search::{Limits, Model, Search, Timed, search};
pub use stock::judge_stock;
