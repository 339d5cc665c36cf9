//! Ports of a cluster, and the questions that are asked on one of them.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodePorts {
    pub(super) postgres: u16,
    pub(super) rest: u16,
}

impl NodePorts {
    pub(super) fn free() -> Result<Self> {
        Ok(Self { postgres: free()?, rest: free()? })
    }

    /// Whether its agent says that it is the primary, and holds the key.
    pub(super) async fn is_primary(self) -> bool {
        self.agrees("primary").await
    }

    /// Whether its agent says that it may be promoted: the key of synchronous replicas names it.
    /// PostgreSQL says so a round earlier.
    pub(super) async fn is_synchronous(self) -> bool {
        self.agrees("synchronous").await
    }

    async fn agrees(self, role: &str) -> bool {
        let request = format!("GET /{role} HTTP/1.0\r\n\r\n");
        let asked = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.rest)).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = [0; 32];
            let count = stream.read(&mut answer).await.ok()?;
            let status = std::str::from_utf8(&answer[..count]).ok()?;
            Some(status.split_whitespace().nth(1)? == "200")
        };
        timeout(ANSWER_WITHIN, asked).await.ok().flatten() == Some(true)
    }
}

/// Free now; those who get it cannot be asked to choose one themselves.
pub(super) fn free() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
