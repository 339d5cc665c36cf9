//! One connection to a service. Dropped, it is closed, and whatever was asked on it is forgotten.

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("refused: {0}")]
    Refused(#[from] std::io::Error),
    #[error("no HTTP: {0}")]
    Handshake(#[from] hyper::Error),
}

#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    driver: JoinHandle<()>,
}

impl Connection {
    pub(super) async fn open(authority: &str) -> Result<Self, ConnectError> {
        let stream = TcpStream::connect(authority).await?;
        // Small requests must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a peer ended");
            }
        });
        Ok(Self { sender, driver })
    }

    /// Whether the other side has hung up.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until the answer before this one is off the wire.
    pub(super) async fn ready(&mut self) -> Result<(), hyper::Error> {
        self.sender.ready().await
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<axum::http::Response<Incoming>, hyper::Error> {
        self.sender.send_request(request).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
