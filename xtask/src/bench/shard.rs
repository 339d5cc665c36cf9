//! `cargo xtask bench shard`: where keys lie, by our placements and by other crates.

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    super::beside_crates("shard", arguments)
}
