//! How a connection ends, and what its peers see of it.

use std::io::Read;
use std::net::Shutdown;

use tokio::net::TcpStream;

use super::scratch::with_scratch;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both directions were ended by the peers, one after the other.
    Finished,
    /// The peers see an end of what they read.
    Closed,
    /// The peers see a reset.
    Reset,
}

impl Ending {
    /// Ends one side of the connection.
    pub(super) fn apply(self, stream: TcpStream) {
        match self {
            Self::Finished => {}
            Self::Closed => close(stream),
            // Where the option is refused, the peer has gone already.
            Self::Reset => drop(stream.set_zero_linger()),
        }
    }
}

/// Closes with FIN. What the peer has sent is read first: the kernel answers unread bytes with a
/// reset, which can take from the peer what it has not read either.
fn close(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    // Fails where the peer has gone already.
    drop(stream.shutdown(Shutdown::Write));
    with_scratch(|scratch| drop(stream.read(scratch)));
}
