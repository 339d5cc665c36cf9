//! One connection to an instance of an upstream.
//!
//! It has no task of its own: whoever uses it drives it, so that a request wakes one task only, and
//! dropping the request closes the connection with all that was asked on it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::super::body::{BodyError, Outbound};

/// An answer's head beyond this is none of ours.
const HEAD_LENGTH_MAX: usize = 32 * 1024;

#[derive(Debug)]
pub(in super::super) struct Connection {
    sender: SendRequest<Outbound>,
    /// None once it has ended. Boxed, since a connection is handed around, and this is large.
    driver: Option<Box<Driver<TokioIo<TcpStream>, Outbound>>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum ConnectError {
    #[error("refused: {0}")]
    Refused(#[from] std::io::Error),
    #[error("no HTTP: {0}")]
    Handshake(#[from] hyper::Error),
}

impl Connection {
    pub(super) async fn open(authority: &str) -> Result<Self, ConnectError> {
        let stream = TcpStream::connect(authority).await?;
        // Small requests must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_LENGTH_MAX);
        let (sender, driver) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: Some(Box::new(driver)) })
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && let Poll::Ready(ended) = Pin::new(&mut **driver).poll(context)
        {
            self.driver = None;
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        }
    }

    /// Whether another request can be sent right now.
    pub(super) fn is_ready(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        self.driver.is_some() && matches!(self.sender.poll_ready(context), Poll::Ready(Ok(())))
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Outbound>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let mut answer = pin!(self.sender.send_request(request));
        let answered = poll_fn(|context| {
            self.drive(context);
            answer.as_mut().poll(context)
        });
        answered.await
    }

    /// The next piece of an answer that came on this connection.
    pub(super) fn poll_frame(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, BodyError>>> {
        // First to the body, which says that it wants more; then the connection brings it.
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        self.drive(context);
        let polled = Pin::new(body).poll_frame(context);
        polled.map(|frame| frame.map(|frame| frame.map_err(BodyError::from)))
    }
}
