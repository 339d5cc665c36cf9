//! Tells at once that a server is gone: a session of its own that waits for an answer for ever.
//!
//! The client library reads from a connection only while a statement is under way. So there is one.

use mysql_async::Opts;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::link::Link;

/// A year of sleep. Longer than any process lives here, and short enough for the server.
const SLEEP: &str = "DO SLEEP(31536000)";

/// A watch over one server; ends with it.
#[derive(Debug)]
pub(super) struct Sentry {
    ended: watch::Receiver<bool>,
    /// Holds the connection's task.
    _task: JoinSet<()>,
}

impl Sentry {
    pub(super) fn post(options: Opts, address: String) -> Self {
        let (tell_ended, ended) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let asleep = async { Link::open(&options, &address).await?.run(SLEEP).await };
            if let Err(error) = asleep.await {
                tracing::debug!(%error, "a watchdog's sentry woke up");
            }
            drop(tell_ended);
        });
        Self { ended, _task: task }
    }

    /// Completes when the connection has ended. May be dropped and asked for again.
    pub(super) async fn ended(&mut self) {
        // Never set: the sender is dropped when the task ends.
        while self.ended.changed().await.is_ok() {}
    }
}
