//! Time that this thread was on a processor: others on the machine do not count.

/// Nanoseconds, as the kernel accounts them.
pub(crate) fn spent_ns() -> Result<f64, String> {
    let path = "/proc/thread-self/schedstat";
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let spent = text.split_whitespace().next().and_then(|spent| spent.parse().ok());
    spent.ok_or_else(|| format!("{path} tells no times"))
}
