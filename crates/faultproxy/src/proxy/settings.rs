//! One proxy of the collection: what it is set to, and its open port.

use std::sync::Arc;

use super::address::ListenAddress;
use super::error::ProxyError;
use super::listening::OpenPort;
use super::view::{ProxyView, ToxicView};
use crate::link::Installed;
use crate::plane::{Plane, Traffic};
use crate::toxic::Direction;

/// A proxy, as control calls see it.
#[derive(Debug)]
pub(super) struct Proxy {
    /// Resolved while it is enabled, otherwise as it was given.
    pub(super) listen: String,
    pub(super) upstream: String,
    /// Open while it is enabled.
    pub(super) port: Option<OpenPort>,
    pub(super) traffic: Arc<Traffic>,
}

/// What a proxy is to become.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// As it was given.
    pub(super) listen: String,
    pub(super) resolved: &'a ListenAddress,
    pub(super) upstream: String,
    pub(super) enabled: bool,
}

impl Proxy {
    /// Whether it would have to start again to be like this.
    pub(super) fn differs(&self, target: &Target<'_>) -> bool {
        self.listen != target.resolved.text || self.upstream != target.upstream
    }

    /// Makes it so, or leaves it as it was.
    pub(super) fn become_target(
        &mut self,
        plane: &Plane,
        target: &Target<'_>,
    ) -> Result<(), ProxyError> {
        if !target.enabled {
            if self.differs(target) {
                (self.listen, self.upstream) = (target.listen.clone(), target.upstream.clone());
            }
            self.disable();
            // The next ones go there.
            self.traffic.redirect(&self.upstream);
            return Ok(());
        }
        let needs_port = self.port.is_none() || self.listen != target.resolved.text;
        let needs_restart = needs_port || self.upstream != target.upstream;
        if needs_port {
            self.open_port(plane, target.resolved)?;
        }
        if needs_restart {
            self.upstream.clone_from(&target.upstream);
            self.traffic.redirect(&self.upstream);
        }
        Ok(())
    }

    /// Opens its port.
    pub(super) fn enable(
        &mut self,
        plane: &Plane,
        listen: &ListenAddress,
    ) -> Result<(), ProxyError> {
        self.open_port(plane, listen)
    }

    /// Opens another port in place of the present one, which stays if that fails.
    fn open_port(&mut self, plane: &Plane, listen: &ListenAddress) -> Result<(), ProxyError> {
        let opened = match OpenPort::open(plane, listen, &self.traffic) {
            Ok(opened) => opened,
            // Its own port can be in the way, as when `127.0.0.1:80` becomes `0.0.0.0:80`.
            Err(error) => match self.own_address(listen) {
                Some(own) => {
                    self.port = None;
                    match OpenPort::open(plane, listen, &self.traffic) {
                        Ok(opened) => opened,
                        Err(error) => {
                            self.port = OpenPort::open(plane, &own, &self.traffic).ok();
                            if self.port.is_none() {
                                // Somebody took it meanwhile: then it is disabled, and says so.
                                self.traffic.close_all();
                            }
                            return Err(error);
                        }
                    }
                }
                None => return Err(error),
            },
        };
        tracing::info!(proxy = self.traffic.name, listen = opened.address, "proxy listens");
        self.listen.clone_from(&opened.address);
        self.port = Some(opened);
        Ok(())
    }

    /// The address of its open port, if that has the same number.
    fn own_address(&self, listen: &ListenAddress) -> Option<ListenAddress> {
        let text = self.port.as_ref()?.address.clone();
        let address: std::net::SocketAddr = text.parse().ok()?;
        (address.port() == listen.address.port()).then_some(ListenAddress { text, address })
    }

    /// Closes the port and all connections.
    pub(super) fn disable(&mut self) {
        if self.port.take().is_some() {
            self.traffic.close_all();
            tracing::info!(proxy = self.traffic.name, "proxy closed");
        }
    }

    pub(super) fn view(&self) -> ProxyView {
        let chains = self.traffic.chains();
        let toxics = Direction::ALL.into_iter().flat_map(|direction| &chains.of(direction).toxics);
        ProxyView {
            name: self.traffic.name.clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            enabled: self.port.is_some(),
            toxics: toxics.map(|installed| view_of_toxic(installed)).collect(),
            counters: self.traffic.counters(),
        }
    }
}

pub(super) fn view_of_toxic(installed: &Installed) -> ToxicView {
    ToxicView { toxic: installed.toxic.clone(), tally: installed.tally.snapshot() }
}
