//! A client whose connection to the upstream is still to come. What it sends waits in the kernel.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::accept::Place;
use super::dial::dial;
use super::ending::Ending;
use super::traffic::{Chains, Membership, News, Traffic};
use crate::link::Link;
use crate::toxic::Direction;

/// A client that waits for its connection to the upstream.
#[derive(Debug)]
pub(super) struct Waiting {
    client: TcpStream,
    membership: Membership,
    place: Place,
    links: [Link; 2],
}

/// What it becomes.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) client: TcpStream,
    pub(super) upstream: TcpStream,
    pub(super) membership: Membership,
    pub(super) place: Place,
    /// Upstream, downstream.
    pub(super) links: [Link; 2],
}

impl Waiting {
    pub(super) fn new(
        stream: TcpStream,
        client: SocketAddr,
        mut membership: Membership,
        place: Place,
    ) -> Self {
        let chains = membership.first_chains();
        let seed = membership.traffic.seed.of_number(membership.number);
        let links = Direction::ALL.map(|direction| {
            Link::new(chains.of(direction), client, seed.of_name(direction.name()))
        });
        Self { client: stream, membership, place, links }
    }

    /// Dials when nothing forbids it, and for as long as the client is there.
    pub(super) async fn connect(mut self) -> Option<Connected> {
        match self.upstream_or_ending().await {
            Ok(upstream) => {
                let Self { client, membership, place, links } = self;
                Some(Connected { client, upstream, membership, place, links })
            }
            Err(ending) => {
                ending.apply(self.client);
                None
            }
        }
    }

    async fn upstream_or_ending(&mut self) -> Result<TcpStream, Ending> {
        let Self { client, membership, place, links } = self;
        let upstream = Arc::clone(&membership.upstream);
        let within = place.dial_timeout();
        let mut dialing = pin!(dial(&upstream, within));
        std::future::poll_fn(|cx| {
            membership.register(cx.waker());
            Poll::Ready(())
        })
        .await;
        let mut is_cut;
        let ending = loop {
            let now = Instant::now();
            is_cut = links[0].defers_dial(now);
            // What was under way is lost in a cut, and begins again after it.
            let until = is_cut.then(|| {
                dialing.set(dial(&upstream, within));
                links[0].look(now).wake
            });
            tokio::select! {
                biased;
                news = std::future::poll_fn(|cx| next_news(membership, cx)) => match news {
                    News::Adopt(chains) => adopt(links, &chains),
                    News::Close => break Ending::Closed,
                    News::Reset => break Ending::Reset,
                },
                // A client that has only finished sending may still want an answer.
                _gone = client.ready(Interest::ERROR) => break Ending::Reset,
                () = maybe_sleep(until.flatten()) => {}
                dialed = &mut dialing, if !is_cut => {
                    return dialed.map_err(|error| failed_dial(&membership.traffic, &error));
                }
            }
        };
        if !is_cut {
            end_dialed(dialing, ending).await;
        }
        Err(ending)
    }
}

/// What a client sees when its upstream cannot be had.
fn failed_dial(traffic: &Traffic, error: &io::Error) -> Ending {
    // It was there, and reset the connection before we knew that it stood.
    if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
        return Ending::Reset;
    }
    traffic.dials_failed.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(proxy = traffic.name, %error, "dial failed");
    Ending::Closed
}

/// Ends what a dial may have connected to already: the server can have seen it before we did.
async fn end_dialed(
    mut dialing: Pin<&mut impl Future<Output = io::Result<TcpStream>>>,
    ending: Ending,
) {
    // Sockets are looked at meanwhile.
    tokio::task::yield_now().await;
    let upstream = std::future::poll_fn(|cx| match dialing.as_mut().poll(cx) {
        Poll::Ready(Ok(upstream)) => Poll::Ready(Some(upstream)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    });
    if let Some(upstream) = upstream.await {
        ending.apply(upstream);
    }
}

fn next_news(membership: &mut Membership, _wakes_when_registered: &mut Context<'_>) -> Poll<News> {
    membership.news().map_or(Poll::Pending, Poll::Ready)
}

fn adopt(links: &mut [Link; 2], chains: &Chains) {
    for (link, direction) in links.iter_mut().zip(Direction::ALL) {
        link.adopt(chains.of(direction));
    }
}

async fn maybe_sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
