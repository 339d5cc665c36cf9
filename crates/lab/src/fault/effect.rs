//! How a fault proves that it is in effect.

use std::net::SocketAddrV4;
use std::time::Duration;

use serde::Serialize;
use standfast_engines::process::Child;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::error::FaultError;
use super::kind::FaultKind;
use crate::instance::Unit;

/// The kernel closes the port of a dead process within microseconds; longer means that somebody
/// else listens there.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);

/// What was seen when the fault was in effect.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// When it was seen.
    #[serde(skip)]
    pub at: Instant,
    /// In words, for reports.
    pub text: String,
    /// The process that it happened to.
    pub pid: Option<u32>,
}

impl Evidence {
    pub(crate) fn now(pid: Option<u32>, text: impl Into<String>) -> Self {
        Self { at: Instant::now(), text: text.into(), pid }
    }
}

/// Proves that `child` has ended and that nobody answers on its port any more.
pub(super) async fn verify_gone(
    kind: FaultKind,
    target: &str,
    unit: &Unit,
    child: &Child,
) -> Result<Evidence, FaultError> {
    if child.is_running() {
        return Err(FaultError::no_effect(kind, target, "its process still runs"));
    }
    let left = child.descendants().len();
    if left > 0 {
        let why = format!("{left} processes that it started still run");
        return Err(FaultError::no_effect(kind, target, why));
    }
    let Some(address) = unit.address() else {
        return Ok(Evidence::now(Some(child.pid()), "the process is gone"));
    };
    let port = address.port();
    if !refuses(address).await {
        let why = format!("somebody still answers on port {port}");
        return Err(FaultError::no_effect(kind, target, why));
    }
    Ok(Evidence::now(Some(child.pid()), format!("the process is gone and port {port} refuses")))
}

async fn refuses(address: SocketAddrV4) -> bool {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(REFUSED_WITHIN, refused).await.is_ok()
}
