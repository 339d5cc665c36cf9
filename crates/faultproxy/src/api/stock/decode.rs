//! Requests, read as Go reads them: keys in any case, the last of two counts, `null` is absent,
//! unknown keys are ignored, and only the first value of a body is looked at.

use super::refused::Refused;
use crate::api::attributes::{kind_named, merge_as_go_does};
use crate::api::go_json::{Node, Reader, Value, first, is_named};
use crate::proxy::{ProxyChange, ProxyDeclaration, ToxicChange};
use crate::toxic::{ClientMatch, Stream, Toxic, ToxicKind};

/// The fields of a proxy that a body names.
#[derive(Debug, Default)]
pub(super) struct ProxyFields {
    name: Option<String>,
    listen: Option<String>,
    upstream: Option<String>,
    enabled: Option<bool>,
}

/// What Go calls the place that fields are read into: it tells this in its errors.
#[derive(Clone, Copy, Debug)]
struct GoNames {
    value: &'static str,
    field: &'static str,
    enabled: &'static str,
}

const ONE_PROXY: GoNames =
    GoNames { value: "toxiproxy.Proxy", field: "Proxy", enabled: "Proxy.enabled" };

const OF_SEVERAL: GoNames = GoNames {
    value: r#"struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }"#,
    field: ".Proxy",
    enabled: ".enabled",
};

const SEVERAL: &str = r#"[]struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }"#;

const TOXIC_CHANGE: &str = concat!(
    r#"struct { Attributes interface {} "json:\"attributes\""; "#,
    r#"Toxicity float32 "json:\"toxicity\"" }"#,
);

impl ProxyFields {
    fn read(reader: &mut Reader, node: &Node, names: GoNames) -> Self {
        let mut fields = Self::default();
        let keep = |kept: &mut Option<String>, read: Option<String>| {
            if read.is_some() {
                *kept = read;
            }
        };
        reader.object(node, names.value, |reader, key, node| {
            for (name, kept) in [
                ("name", &mut fields.name),
                ("listen", &mut fields.listen),
                ("upstream", &mut fields.upstream),
            ] {
                if is_named(key, name) {
                    keep(kept, reader.text(node, &format!("{}.{name}", names.field)));
                }
            }
            if is_named(key, "enabled") {
                fields.enabled = reader.boolean(node, names.enabled).or(fields.enabled);
            }
        });
        fields
    }

    fn declaration(self) -> ProxyDeclaration {
        ProxyDeclaration {
            name: self.name.unwrap_or_default(),
            listen: self.listen.unwrap_or_default(),
            upstream: self.upstream.unwrap_or_default(),
            enabled: self.enabled.unwrap_or(true),
            toxics: Vec::new(),
        }
    }
}

pub(super) fn declaration(body: &[u8]) -> Result<ProxyDeclaration, Refused> {
    let node = first(body)?;
    let mut reader = Reader::default();
    let fields = ProxyFields::read(&mut reader, &node, ONE_PROXY);
    Ok(reader.finish(fields)?.declaration())
}

pub(super) fn declarations(body: &[u8]) -> Result<Vec<ProxyDeclaration>, Refused> {
    let node = first(body)?;
    let mut reader = Reader::default();
    let items = reader.list(&node, SEVERAL).iter();
    let fields: Vec<_> =
        items.map(|item| ProxyFields::read(&mut reader, item, OF_SEVERAL)).collect();
    Ok(reader.finish(fields)?.into_iter().map(ProxyFields::declaration).collect())
}

pub(super) fn proxy_change(body: &[u8]) -> Result<ProxyChange, Refused> {
    let node = first(body)?;
    let mut reader = Reader::default();
    let fields = ProxyFields::read(&mut reader, &node, ONE_PROXY);
    let ProxyFields { listen, upstream, enabled, .. } = reader.finish(fields)?;
    Ok(ProxyChange { listen, upstream, enabled })
}

/// A toxic whose attributes are still to be read: what else is wrong with it is told before.
#[derive(Debug)]
pub(super) struct NewToxic {
    pub(super) name: String,
    stream: Stream,
    toxicity: f32,
    kind: ToxicKind,
    attributes: Vec<Node>,
}

impl NewToxic {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        let node = first(body)?;
        let mut reader = Reader::default();
        let (mut name, mut type_name) = (String::new(), String::new());
        let (mut stream, mut toxicity) = ("downstream".to_owned(), 1.0);
        let mut attributes = Vec::new();
        reader.object(&node, "toxics.ToxicWrapper", |reader, key, node| {
            for (field, kept) in
                [("name", &mut name), ("type", &mut type_name), ("stream", &mut stream)]
            {
                if is_named(key, field)
                    && let Some(read) = reader.text(node, &format!("ToxicWrapper.{field}"))
                {
                    *kept = read;
                }
            }
            if is_named(key, "toxicity") {
                toxicity = reader.float32(node, "ToxicWrapper.toxicity").unwrap_or(toxicity);
            } else if is_named(key, "attributes") {
                if !matches!(node.value, Value::Object(_)) {
                    reader.refuse_struct(node, "ToxicWrapper.attributes", "toxics.NoopToxic");
                }
                attributes.push(node.clone());
            }
        });
        reader.finish(())?;
        let stream: Stream =
            stream.parse().map_err(|error| Refused::bad_request(format!("{error}")))?;
        if name.is_empty() {
            name = format!("{type_name}_{}", stream.written());
        }
        let kind =
            kind_named(&type_name).ok_or_else(|| Refused::bad_request("invalid toxic type"))?;
        Ok(Self { name, stream, toxicity, kind, attributes })
    }

    pub(super) fn toxic(self) -> Result<Toxic, Refused> {
        let mut kind = self.kind;
        for attributes in &self.attributes {
            kind = merged(&kind, attributes)?;
        }
        Ok(Toxic {
            name: self.name,
            stream: self.stream,
            toxicity: self.toxicity,
            kind,
            client: ClientMatch::Any,
            schedule: None,
        })
    }
}

pub(super) fn toxic_change(kind: &ToxicKind, body: &[u8]) -> Result<ToxicChange, Refused> {
    let node = first(body)?;
    let mut reader = Reader::default();
    let mut toxicity = None;
    let mut attributes = Vec::new();
    reader.object(&node, TOXIC_CHANGE, |reader, key, node| {
        if is_named(key, "toxicity") {
            toxicity = reader.float32(node, ".toxicity").or(toxicity);
        } else if is_named(key, "attributes") {
            attributes.push(node.clone());
        }
    });
    reader.finish(())?;
    let mut changed = kind.clone();
    for attributes in &attributes {
        changed = merged(&changed, attributes)?;
    }
    Ok(ToxicChange { kind: Some(changed), toxicity, ..ToxicChange::default() })
}

fn merged(kind: &ToxicKind, attributes: &Node) -> Result<ToxicKind, Refused> {
    merge_as_go_does(kind, attributes).map_err(|reason| Refused::bad_body(&reason))
}
