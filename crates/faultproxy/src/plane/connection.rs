//! One connection: dialed, and then driven in both directions until it ends.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;

use super::accept::Place;
use super::dial::dial;
use super::traffic::{Membership, News};

/// A connection as it was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) client: SocketAddr,
    pub(super) membership: Membership,
    pub(super) place: Place,
}

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted) {
    let Accepted { stream, client, mut membership, place } = accepted;
    let _chains = membership.first_chains();
    let Ok(()) = stream.set_nonblocking(true) else { return };
    let Ok(mut stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let mut upstream = match dial(&membership.upstream, place.dial_timeout()).await {
        Ok(upstream) => upstream,
        Err(error) => {
            membership.traffic.dials_failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(proxy = membership.traffic.name, %client, %error, "dial failed");
            return;
        }
    };
    let copied = tokio::io::copy_bidirectional(&mut stream, &mut upstream);
    let mut copied = std::pin::pin!(copied);
    let mut is_registered = false;
    std::future::poll_fn(|cx| {
        if !is_registered {
            membership.register(cx.waker());
            is_registered = true;
        }
        if let Some(News::Close | News::Reset) = membership.news() {
            return std::task::Poll::Ready(());
        }
        copied.as_mut().poll(cx).map(|_bytes| ())
    })
    .await;
}
