//! `cargo xtask bench breaker`: our circuit breaker beside those of tower-resilience and seatbelt.

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    super::beside_crates("breaker", arguments)
}
