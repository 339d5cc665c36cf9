//! What callers ask for: a proxy, or a change of one.

use crate::toxic::{ClientMatch, Schedule, Toxic, ToxicKind};

/// A proxy as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyDeclaration {
    pub name: String,
    /// `host:port`; empty is any interface and a free port, port 0 a free port.
    pub listen: String,
    /// `host:port`; names are looked up for every connection.
    pub upstream: String,
    pub enabled: bool,
    /// In the order in which bytes come to them, each in its own direction.
    pub toxics: Vec<Toxic>,
}

impl ProxyDeclaration {
    /// An enabled proxy on a free port of the loopback interface.
    pub fn local(name: impl Into<String>, upstream: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: upstream.into(),
            enabled: true,
            toxics: Vec::new(),
        }
    }
}

/// What is to be different; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyChange {
    pub listen: Option<String>,
    pub upstream: Option<String>,
    pub enabled: Option<bool>,
}

/// What is to be different about a toxic; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToxicChange {
    /// Other attributes; of the same type.
    pub kind: Option<ToxicKind>,
    pub toxicity: Option<f32>,
    pub client: Option<ClientMatch>,
    /// `Some(None)` makes it active always.
    pub schedule: Option<Option<Schedule>>,
}
