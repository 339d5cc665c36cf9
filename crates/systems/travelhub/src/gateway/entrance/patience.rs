//! How long a client may take nothing of its answer. Whoever stops reading, and keeps the
//! connection, would hold what the answer holds: a piece in memory, and a place with the upstream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Between two pieces that it takes, as nginx's `send_timeout` counts. Sockets on the way hold some
/// hundred kilobytes, so that short answers never wait.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Watches writes that wait. It costs nothing while none does.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Runs from the first write that had to wait, and is set anew after each piece.
    waiting: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Patience {
    /// What comes of a write: an error in place of `Pending` once the client has taken nothing for
    /// too long.
    pub(super) fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_waiting = false;
            return written;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(SILENCE_MAX)));
        if !std::mem::replace(&mut self.is_waiting, true) {
            waiting.as_mut().reset(Instant::now() + SILENCE_MAX);
        }
        match waiting.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let text = "the client takes nothing of its answer";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::advance;

    use super::*;

    fn watch(patience: &mut Patience, written: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        patience.watch(&mut Context::from_waker(Waker::noop()), written)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_has_its_time_for_each_piece() {
        let mut patience = Patience::default();
        for _ in 0..3 {
            assert!(watch(&mut patience, Poll::Pending).is_pending());
            advance(SILENCE_MAX - Duration::from_secs(1)).await;
            assert!(watch(&mut patience, Poll::Pending).is_pending());
            assert!(watch(&mut patience, Poll::Ready(Ok(()))).is_ready());
            // Between answers nobody waits.
            advance(SILENCE_MAX * 2).await;
        }
        assert!(watch(&mut patience, Poll::Pending).is_pending());
        advance(SILENCE_MAX + Duration::from_millis(2)).await;
        let Poll::Ready(Err(error)) = watch(&mut patience, Poll::Pending) else {
            panic!("it has waited long enough");
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
