//! One request and its answer, on a connection of its own: calls are rare, and a connection that
//! was kept may have been closed by a server that was started anew.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::ClientError;

/// Longer than the server waits for anything on purpose.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Room for the counters of tens of thousands of proxies.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A call as it goes out.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    /// Encoded as it stands in the first line.
    path: String,
    body: Vec<u8>,
}

impl Call {
    pub(super) fn of(method: Method, path: String) -> Self {
        Self { method, path, body: Vec::new() }
    }

    pub(super) fn with(self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("documents have text keys");
        Self { body, ..self }
    }

    /// What errors call it.
    pub(super) fn name(&self, server: SocketAddr) -> String {
        format!("{} http://{server}{}", self.method, self.path)
    }
}

/// Calls, and answers the body of a success.
pub(super) async fn exchange(server: SocketAddr, call: Call) -> Result<Bytes, ClientError> {
    let name = call.name(server);
    let answer = timeout(ANSWER_WITHIN, send(server, call)).await;
    let Ok(answer) = answer else {
        return Err(ClientError::TooSlow { call: name, within: ANSWER_WITHIN });
    };
    match answer {
        Ok((status, body)) if status.is_success() => Ok(body),
        Ok((status, body)) => {
            let text = complaint(&body);
            Err(ClientError::Refused { call: name, status: status.as_u16(), text })
        }
        Err(source) => Err(ClientError::Unreachable { call: name, source }),
    }
}

async fn send(
    server: SocketAddr,
    call: Call,
) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(call.method)
        .uri(call.path)
        .header(HOST, server.to_string())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(call.body)))?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven here, and nowhere else: nothing of a call outlives it.
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        driven = connection => {
            driven?;
            answer.await
        }
    }
}

/// What an error says, in either form, or as it is.
fn complaint(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Complaint>(body).ok();
    let said = said.and_then(|complaint| complaint.detail.or(complaint.error));
    said.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned())
}

#[derive(Deserialize)]
struct Complaint {
    detail: Option<String>,
    error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_found_in_either_form() {
        let check = |body: &str, expected: &str| assert_eq!(complaint(body.as_bytes()), expected);
        check("{\"error\":\"proxy not found\",\"status\":404}\n", "proxy not found");
        check("{\"title\":\"Conflict\",\"status\":409,\"detail\":\"busy\"}", "busy");
        check("404 page not found\n", "404 page not found");
        check("", "");
    }
}
