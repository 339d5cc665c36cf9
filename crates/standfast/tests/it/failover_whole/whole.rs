//! Parts of the benchmark, below a module of their name as they are there.

#![expect(dead_code, reason = "what the benchmark itself calls is not called here")]

#[path = "../../../benches/failover/whole/books.rs"]
pub(super) mod books;
#[path = "../../../benches/failover/whole/connection.rs"]
pub(super) mod connection;
#[path = "../../../benches/failover/whole/door.rs"]
pub(super) mod door;
#[path = "../../../benches/failover/whole/end.rs"]
pub(super) mod end;
#[path = "../../../benches/failover/whole/promises.rs"]
pub(super) mod promises;
#[path = "../../../benches/failover/whole/turns.rs"]
pub(super) mod turns;
