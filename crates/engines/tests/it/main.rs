//! Real engines and real processes: what they do when they are started, broken and left behind.

mod place;
mod postgres;
mod replica;
mod valkey;

fn main_is_unused() {}
