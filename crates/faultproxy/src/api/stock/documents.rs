//! Toxiproxy's documents, with its keys in its order.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::api::attributes::Attributes;
use crate::proxy::{ProxyView, ToxicView};

#[derive(Debug, Serialize)]
pub(super) struct ProxyDocument<'a> {
    name: &'a str,
    listen: &'a str,
    upstream: &'a str,
    enabled: bool,
    toxics: Vec<ToxicDocument<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ToxicDocument<'a> {
    attributes: Attributes<'a>,
    name: &'a str,
    #[serde(rename = "type")]
    type_name: &'static str,
    stream: &'a str,
    toxicity: f32,
}

/// The answer to `/populate`: an error and what was made before it, or all.
#[derive(Debug, Serialize)]
pub(super) struct PopulateDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Go writes an empty list as `null` here.
    pub(super) proxies: Option<Vec<ProxyDocument<'a>>>,
}

impl<'a> From<&'a ProxyView> for ProxyDocument<'a> {
    fn from(proxy: &'a ProxyView) -> Self {
        Self {
            name: &proxy.name,
            listen: &proxy.listen,
            upstream: &proxy.upstream,
            enabled: proxy.enabled,
            toxics: toxics(proxy),
        }
    }
}

impl<'a> From<&'a ToxicView> for ToxicDocument<'a> {
    fn from(view: &'a ToxicView) -> Self {
        let toxic = &view.toxic;
        Self {
            attributes: Attributes(&toxic.kind),
            name: &toxic.name,
            type_name: toxic.kind.name(),
            stream: toxic.stream.written(),
            toxicity: toxic.toxicity,
        }
    }
}

pub(super) fn toxics(proxy: &ProxyView) -> Vec<ToxicDocument<'_>> {
    proxy.toxics.iter().map(ToxicDocument::from).collect()
}

/// Proxies by name, which is how Toxiproxy lists them.
pub(super) fn by_name(proxies: &[ProxyView]) -> BTreeMap<&str, ProxyDocument<'_>> {
    proxies.iter().map(|proxy| (proxy.name.as_str(), ProxyDocument::from(proxy))).collect()
}
