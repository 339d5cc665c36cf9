//! Whether a host is reached from here: its kernel answers even where nobody listens.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpStream;

/// The port of the discard service, on which nobody listens: a refusal proves the way there and
/// back as well as a connection does.
const PORT: u16 = 9;

/// Whether `address` answers within `patience`.
pub(super) async fn answers(address: Ipv4Addr, patience: Duration) -> bool {
    match tokio::time::timeout(patience, TcpStream::connect((address, PORT))).await {
        Ok(Ok(_connection)) => true,
        Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
        Err(_silence) => false,
    }
}
