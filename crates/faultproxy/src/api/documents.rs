//! The documents of our own interface, as the server writes and the client reads them.

use serde::{Deserialize, Serialize};

use crate::link::TallySnapshot;
use crate::proxy::{Adoption, Counters, Flow, ProxyDeclaration, ProxyView, ToxicView};
use crate::toxic::{ClientMatch, Schedule, Stream, Toxic, ToxicKind, UnknownStream};

/// A proxy: in requests without counters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProxyDocument {
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) enabled: bool,
    pub(crate) toxics: Vec<ToxicDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counters: Option<CountersDocument>,
}

/// A toxic: in requests without counters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToxicDocument {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) kind: ToxicKind,
    pub(crate) stream: String,
    pub(crate) toxicity: f32,
    pub(crate) client: ClientMatch,
    pub(crate) schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counters: Option<TallySnapshot>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CountersDocument {
    connections_live: u64,
    connections_total: u64,
    connections_refused: u64,
    dials_failed: u64,
    upstream: FlowDocument,
    downstream: FlowDocument,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct FlowDocument {
    received_bytes: u64,
    sent_bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ProxiesDocument {
    pub(crate) proxies: Vec<ProxyDocument>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct SeedDocument {
    pub(crate) seed: u64,
}

/// How many connections were reset.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ResetDocument {
    pub(crate) connections: usize,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct AdoptionDocument {
    connections: usize,
    is_complete: bool,
}

impl From<Adoption> for AdoptionDocument {
    fn from(adoption: Adoption) -> Self {
        let Adoption { connections, is_complete } = adoption;
        Self { connections, is_complete }
    }
}

impl From<AdoptionDocument> for Adoption {
    fn from(document: AdoptionDocument) -> Self {
        let AdoptionDocument { connections, is_complete } = document;
        Self { connections, is_complete }
    }
}

impl From<&ProxyView> for ProxyDocument {
    fn from(proxy: &ProxyView) -> Self {
        Self {
            name: proxy.name.clone(),
            listen: proxy.listen.clone(),
            upstream: proxy.upstream.clone(),
            enabled: proxy.enabled,
            toxics: proxy.toxics.iter().map(ToxicDocument::from).collect(),
            counters: Some(proxy.counters.into()),
        }
    }
}

impl From<&ProxyDeclaration> for ProxyDocument {
    fn from(declaration: &ProxyDeclaration) -> Self {
        Self {
            name: declaration.name.clone(),
            listen: declaration.listen.clone(),
            upstream: declaration.upstream.clone(),
            enabled: declaration.enabled,
            toxics: declaration.toxics.iter().map(ToxicDocument::from).collect(),
            counters: None,
        }
    }
}

impl From<&ToxicView> for ToxicDocument {
    fn from(view: &ToxicView) -> Self {
        Self { counters: Some(view.tally), ..Self::from(&view.toxic) }
    }
}

impl From<&Toxic> for ToxicDocument {
    fn from(toxic: &Toxic) -> Self {
        Self {
            name: toxic.name.clone(),
            kind: toxic.kind.clone(),
            stream: toxic.stream.written().to_owned(),
            toxicity: toxic.toxicity,
            client: toxic.client,
            schedule: toxic.schedule,
            counters: None,
        }
    }
}

impl TryFrom<ProxyDocument> for ProxyView {
    type Error = UnknownStream;

    fn try_from(document: ProxyDocument) -> Result<Self, UnknownStream> {
        let toxics = document.toxics.into_iter().map(ToxicView::try_from);
        Ok(Self {
            name: document.name,
            listen: document.listen,
            upstream: document.upstream,
            enabled: document.enabled,
            toxics: toxics.collect::<Result<_, _>>()?,
            counters: document.counters.map(Counters::from).unwrap_or_default(),
        })
    }
}

impl TryFrom<ToxicDocument> for ToxicView {
    type Error = UnknownStream;

    fn try_from(document: ToxicDocument) -> Result<Self, UnknownStream> {
        let toxic = Toxic {
            name: document.name,
            stream: document.stream.parse::<Stream>()?,
            toxicity: document.toxicity,
            kind: document.kind,
            client: document.client,
            schedule: document.schedule,
        };
        Ok(Self { toxic, tally: document.counters.unwrap_or_default() })
    }
}

impl From<Counters> for CountersDocument {
    fn from(counters: Counters) -> Self {
        Self {
            connections_live: counters.connections_live,
            connections_total: counters.connections_total,
            connections_refused: counters.connections_refused,
            dials_failed: counters.dials_failed,
            upstream: counters.upstream.into(),
            downstream: counters.downstream.into(),
        }
    }
}

impl From<CountersDocument> for Counters {
    fn from(document: CountersDocument) -> Self {
        Self {
            connections_live: document.connections_live,
            connections_total: document.connections_total,
            connections_refused: document.connections_refused,
            dials_failed: document.dials_failed,
            upstream: document.upstream.into(),
            downstream: document.downstream.into(),
        }
    }
}

impl From<Flow> for FlowDocument {
    fn from(flow: Flow) -> Self {
        Self { received_bytes: flow.received_bytes, sent_bytes: flow.sent_bytes }
    }
}

impl From<FlowDocument> for Flow {
    fn from(document: FlowDocument) -> Self {
        Self { received_bytes: document.received_bytes, sent_bytes: document.sent_bytes }
    }
}
