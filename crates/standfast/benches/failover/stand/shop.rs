//! All of order-saga as it is shipped: three clusters, their applications, and one door.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use standfast_lab::instance::Clock;

use super::running::Running;
use super::{Ours, source};
use crate::options::Options;
use crate::target::Kind;

pub(crate) struct Shop {
    pub(crate) clusters: [(Kind, Ours); 3],
    /// Where clients come in.
    pub(crate) gateway: SocketAddr,
    /// Where sagas can be asked for.
    pub(crate) middleware: SocketAddr,
    running: Arc<Running>,
}

impl Shop {
    pub(crate) async fn bring_up(options: &Options, clock: &Clock) -> Result<Self> {
        let source = source::whole(&options.settings)?;
        let running = Arc::new(Running::bring_up(source, &Kind::ALL, options, clock).await?);
        let [first, second, third] = Kind::ALL.map(|kind| (kind, Ours::of(kind, &running)));
        let clusters = [(first.0, first.1?), (second.0, second.1?), (third.0, third.1?)];
        let (gateway, middleware) =
            (address(&running, "gateway")?, address(&running, "middleware")?);
        Ok(Self { clusters, gateway, middleware, running })
    }

    pub(crate) fn cluster(&self, kind: Kind) -> &Ours {
        let found = self.clusters.iter().find(|(of, _)| *of == kind);
        &found.expect("there is one of each kind").1
    }

    pub(crate) async fn take_down(self) -> Result<()> {
        drop(self.clusters);
        let running = Arc::into_inner(self.running).context("others use it still")?;
        running.take_down().await
    }
}

/// Where a process takes requests.
fn address(running: &Running, name: &str) -> Result<SocketAddr> {
    let url = running.instance.url(name).with_context(|| format!("{name} has no URL"))?;
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    authority.parse().with_context(|| format!("{name} is at {url}"))
}
