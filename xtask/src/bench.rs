//! Benchmarks: figures with the command that repeats them. Never part of a test, since timings are
//! noisy; each rival runs interleaved with ours and medians are compared.

pub(crate) fn load(_rest: &[&str]) -> Result<(), String> {
    Err("the load bench is being written".to_owned())
}

pub(crate) fn cache(_rest: &[&str]) -> Result<(), String> {
    Err("the cache bench is being written".to_owned())
}
