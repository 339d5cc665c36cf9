//! Binding an address and accepting from it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::{Backlog, listen};

use super::address::ListenAddress;
use super::error::ProxyError;
use crate::plane::{Listening, Plane, Traffic};

/// A port that is open, and its address.
#[derive(Debug)]
pub(super) struct OpenPort {
    _listening: Listening,
    /// The address with the port that it got.
    pub(super) address: String,
}

impl OpenPort {
    /// Opens `listen` for `traffic`. Takes no longer than the system calls, which never wait.
    pub(super) fn open(
        plane: &Plane,
        listen: &ListenAddress,
        traffic: &Arc<Traffic>,
    ) -> Result<Self, ProxyError> {
        let failed = |operation: &'static str| {
            let listen = listen.text.clone();
            move |source: io::Error| ProxyError::Bind { listen, operation, source }
        };
        let listener = bind(listen).map_err(failed("bind"))?;
        // As long as the system allows: a burst of clients must not wait for retransmissions.
        listen_longer(&listener).map_err(failed("listen"))?;
        let address = listener.local_addr().map_err(failed("getsockname"))?.to_string();
        let listening =
            Listening::start(plane, listener, Arc::clone(traffic)).map_err(failed("accept"))?;
        Ok(Self { _listening: listening, address })
    }
}

fn bind(listen: &ListenAddress) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(listen.address);
    let has_no_ipv6 = |error: &io::Error| {
        let code = error.raw_os_error().map(Errno::from_raw);
        matches!(code, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
    };
    match (bound, listen.over_ipv4()) {
        (Err(error), Some(address)) if has_no_ipv6(&error) => TcpListener::bind(address),
        (bound, _) => bound,
    }
}

fn listen_longer(listener: &TcpListener) -> io::Result<()> {
    Ok(listen(listener, Backlog::MAXCONN)?)
}
