//! `isolate`: the host of a process is cut off from everybody, as when its network cable is pulled.
//! It reaches nobody and nobody reaches it, the lab's own checks included: no data, no end and no
//! reset of a connection, no refusal of a new one. What was under way flows on afterwards.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use standfast_engines::hosts::{HostsError, Network};
use tokio::net::TcpStream;

use super::effect::Evidence;
use super::error::FaultError;
use super::kind::FaultKind;

/// Whoever can be reached answers within a millisecond, be it with a refusal.
const SILENT_FOR: Duration = Duration::from_millis(100);

/// A process whose host is to be cut off.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) network: Arc<Network>,
    /// The name of the process and of its host.
    pub(crate) process: String,
    pub(crate) pid: Option<u32>,
    /// Where it takes connections, if it does.
    pub(crate) address: Option<SocketAddrV4>,
}

/// A host that a fault holds cut off.
#[derive(Debug)]
pub(crate) struct Isolated {
    station: Station,
    is_healed: AtomicBool,
}

/// Cuts a host off. What is answered besides the evidence joins it again.
pub(crate) async fn inject(station: Station) -> Result<(Evidence, Isolated), FaultError> {
    let isolated = Isolated { station, is_healed: AtomicBool::new(false) };
    let injected = match isolated.cut().await {
        Ok(evidence) => return Ok((evidence, isolated)),
        Err(error) => Err(error),
    };
    // Nobody would know of a host that was cut off in vain.
    isolated.join().await?;
    injected
}

impl Isolated {
    async fn cut(&self) -> Result<Evidence, FaultError> {
        let Station { network, process, pid, address } = &self.station;
        network.cut(process).await.map_err(|source| self.failed(source))?;
        let host = network.host(process).map_err(|source| self.failed(source))?;
        let mut seen = format!("host {} is silent", host.address());
        if let Some(address) = address {
            match tokio::time::timeout(SILENT_FOR, TcpStream::connect(*address)).await {
                Err(_silence) => {}
                Ok(answer) => {
                    let answer = answer.map_or_else(|error| error.to_string(), |_| "taken".into());
                    let why = format!("a connection to {address} was answered: {answer}");
                    return Err(FaultError::no_effect(FaultKind::Isolate, process, why));
                }
            }
            seen = format!("{seen}, port {} neither answers nor refuses", address.port());
        }
        Ok(Evidence::now(*pid, seen))
    }

    /// Joins the host again; returns when it is reached.
    pub(crate) async fn join(&self) -> Result<(), FaultError> {
        let Station { network, process, .. } = &self.station;
        let healed = network.heal(process).await;
        self.is_healed.store(true, Ordering::Relaxed);
        healed.map_err(|error| FaultError::NotRestored {
            kind: FaultKind::Isolate,
            target: process.clone(),
            why: error.to_string(),
        })
    }

    /// Joins the host again as soon as that can be done, for those who cannot wait for it.
    pub(crate) fn join_soon(self: Arc<Self>) {
        // Without a runtime nothing runs any more that could be reached.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        drop(runtime.spawn(async move {
            if let Err(error) = self.join().await {
                tracing::error!(%error, "a host stays cut off");
            }
        }));
    }

    pub(crate) fn is_healed(&self) -> bool {
        self.is_healed.load(Ordering::Relaxed)
    }

    pub(crate) fn process(&self) -> &str {
        &self.station.process
    }

    fn failed(&self, source: HostsError) -> FaultError {
        FaultError::Host { target: self.station.process.clone(), source: Box::new(source) }
    }
}
