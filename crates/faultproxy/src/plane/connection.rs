//! One connection, driven in both directions until it ends.
//!
//! Both directions share one task, so that a request costs no hand-over between tasks, and nothing
//! needs a lock.

use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::accept::Place;
use super::ending::Ending;
use super::flow::{Flow, Path, Turn};
use super::scratch::with_scratch;
use super::traffic::{Membership, News};
use super::waiting::{Connected, Waiting};
use crate::toxic::Direction;

/// A connection as it was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: StdStream,
    pub(super) client: SocketAddr,
    pub(super) membership: Membership,
    pub(super) place: Place,
}

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted) {
    let Accepted { stream, client, membership, place } = accepted;
    // Fails only when the kernel has no room left to watch it.
    let Ok(stream) = watch(stream) else { return };
    let waiting = Waiting::new(stream, client, membership, place);
    // On the heap until it is done, so that what stays of an idle connection is small.
    let Some(connected) = Box::pin(waiting.connect()).await else { return };
    let mut connection = Connection::new(connected);
    let ending = std::future::poll_fn(|cx| connection.poll(cx)).await;
    connection.end(ending);
}

fn watch(stream: StdStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}

/// A connection with both sides.
#[derive(Debug)]
struct Connection {
    client: TcpStream,
    upstream: TcpStream,
    membership: Membership,
    /// Upstream, downstream.
    flows: [Flow; 2],
    /// Made when a toxic first asks for it.
    timer: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connection {
    fn new(connected: Connected) -> Self {
        let Connected { client, upstream, membership, place, links } = connected;
        let flows = links.map(Flow::new);
        Self { client, upstream, membership, flows, timer: None, _place: place }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match self.membership.news() {
            None => {}
            Some(News::Close) => return Poll::Ready(Ending::Closed),
            Some(News::Reset) => return Poll::Ready(Ending::Reset),
            Some(News::Adopt(chains)) => {
                for (flow, direction) in self.flows.iter_mut().zip(Direction::ALL) {
                    flow.link.adopt(chains.of(direction));
                }
            }
        }
        with_scratch(|scratch| self.drive(cx, scratch))
    }

    fn drive(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Ending> {
        let mut wake: Option<Instant> = None;
        let mut yields = false;
        for direction in Direction::ALL {
            match self.drive_one(direction, cx, scratch) {
                Turn::Waits(until) => wake = [wake, until].into_iter().flatten().min(),
                Turn::Yields => yields = true,
                Turn::Ends(ending) => return Poll::Ready(ending),
            }
        }
        let [up, down] = &self.flows;
        if up.is_finished() && down.is_finished() {
            return Poll::Ready(Ending::Finished);
        }
        if up.is_over() && down.is_over() {
            return Poll::Ready(Ending::Reset);
        }
        if yields || wake.is_some_and(|at| self.is_due(at, cx)) {
            let_others_go_first(cx);
        }
        Poll::Pending
    }

    fn drive_one(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Turn {
        let Self { client, upstream, membership, flows: [up, down], .. } = self;
        let (flow, opposite, source, destination) = match direction {
            Direction::Upstream => (up, down, client, upstream),
            Direction::Downstream => (down, up, upstream, client),
        };
        let mut path = Path {
            source,
            destination,
            counters: membership.flow(direction),
            is_source_broken: opposite.is_broken(),
            reply: None,
        };
        let turn = flow.drive(&mut path, cx, scratch);
        if let Some(reply) = path.reply {
            opposite.link.answer(reply, Instant::now());
        }
        turn
    }

    /// Whether it is that late already; otherwise the timer will wake.
    fn is_due(&mut self, at: Instant, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).is_ready()
    }

    fn end(self, ending: Ending) {
        ending.apply(self.client);
        ending.apply(self.upstream);
    }
}

/// Comes back after sockets were looked at. A plain wake would come back before: the runtime looks
/// at them only now and then while some task is ready, and bulk would starve small messages.
fn let_others_go_first(cx: &mut Context<'_>) {
    let yielding = pin!(tokio::task::yield_now());
    let _pending_once = yielding.poll(cx);
}
