//! Logs of standfast itself, on standard error: quiet unless asked, one line per state change.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Warnings by default; `-v` tells what standfast does, `-vv` what its libraries do as well.
pub(crate) fn start(verbose: u8) {
    let (ours, libraries) = match verbose {
        0 => (Level::WARN, Level::ERROR),
        1 => (Level::DEBUG, Level::WARN),
        _ => (Level::TRACE, Level::DEBUG),
    };
    let filter = Targets::new().with_default(libraries).with_target("standfast", ours);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(crate::output::is_watched());
    tracing_subscriber::registry().with(filter).with(layer).init();
}
