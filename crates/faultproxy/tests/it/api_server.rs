//! A fault proxy with its interface on a free port, and plain HTTP to talk to it.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panicking, as tests do")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use standfast_faultproxy::api::{self, ApiOptions};
use standfast_faultproxy::client::Client;
use standfast_faultproxy::{FaultProxy, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) proxy: FaultProxy,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(ApiOptions::default()).await
    }

    pub(crate) async fn start_with(options: ApiOptions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy =
            FaultProxy::start(Options { threads: Some(1), seed: 7, ..Options::default() }).unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(api::serve(listener, proxy.clone(), options, stopped));
        Self { address, proxy, client: Client::new(address), stop, served }
    }

    /// Ends it as a signal would, and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        let served = tokio::time::timeout(PATIENCE, self.served).await;
        served.expect("it ends in time").unwrap().unwrap();
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // The server may answer and close before it has read all of a body that is too long.
            drop(stream.write_all(&request.bytes()).await);
            read(&mut stream).await
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("it answers in time")
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As it stands in the first line.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, path: &str, body: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self { method, path, headers: Vec::new(), body: body.as_bytes().to_owned() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: x\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
