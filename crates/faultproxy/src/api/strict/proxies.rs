//! A proxy with its toxics, read strictly.

use super::keys::{Keys, of_other_kind};
use super::mistake::Mistake;
use super::toxics::toxic;
use crate::api::go_json::{Node, Value};
use crate::proxy::{ProxyChange, ProxyDeclaration};
use crate::toxic::Toxic;

/// Reads a proxy.
///
/// # Errors
/// At the first mistake.
pub(crate) fn declaration(node: &Node) -> Result<ProxyDeclaration, Mistake> {
    let keys = Keys::of(node, &["name", "listen", "upstream", "enabled", "toxics"])?;
    Ok(ProxyDeclaration {
        name: keys.required("name")?.to_owned(),
        listen: keys.text("listen")?.unwrap_or_default().to_owned(),
        upstream: keys.required("upstream")?.to_owned(),
        enabled: keys.boolean("enabled")?.unwrap_or(true),
        toxics: keys.get("toxics").map_or(Ok(Vec::new()), toxics)?,
    })
}

/// Reads what is to be different about a proxy.
///
/// # Errors
/// At the first mistake.
pub(crate) fn proxy_change(node: &Node) -> Result<ProxyChange, Mistake> {
    let keys = Keys::of(node, &["listen", "upstream", "enabled"])?;
    Ok(ProxyChange {
        listen: keys.text("listen")?.map(str::to_owned),
        upstream: keys.text("upstream")?.map(str::to_owned),
        enabled: keys.boolean("enabled")?,
    })
}

fn toxics(node: &Node) -> Result<Vec<Toxic>, Mistake> {
    let Value::List(items) = &node.value else {
        return Err(of_other_kind(node.at, "toxics", "a list", &node.value));
    };
    let mut toxics: Vec<Toxic> = Vec::new();
    for item in items {
        let toxic = toxic(item)?;
        if toxics.iter().any(|there| there.name == toxic.name) {
            let text = format!("there are two toxics `{}`: give one another name", toxic.name);
            return Err(Mistake::new(item.at, text));
        }
        toxics.push(toxic);
    }
    Ok(toxics)
}

#[cfg(test)]
mod tests {
    use super::super::Position;
    use super::*;
    use crate::api::go_json::first;
    use crate::toxic::{Direction, Latency, ToxicKind};

    #[test]
    fn a_proxy_is_read_with_its_toxics() {
        let text = br#"{"name":"db","upstream":"127.0.0.1:1","Toxics":[{"type":"latency",
            "attributes":{"latency":5}}],"enabled":null}"#;
        let read = declaration(&first(text).unwrap()).unwrap();
        let kind = ToxicKind::Latency(Latency { latency: 5, jitter: 0 });
        assert!(read.enabled && read.listen.is_empty());
        assert_eq!(read.toxics, [Toxic::new(kind, Direction::Downstream)]);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, line, column, part) in [
            ("[]", 1, 1, "an object should be here, and not a value of kind array"),
            ("{\"nam\":1}", 1, 2, "unknown key `nam`; there may be `name`, `listen`"),
            ("{\"name\":\n 5}", 2, 2, "`name` should be a string, and is of kind number"),
            ("{\"name\":\"\"}", 1, 9, "missing required field: name"),
            ("\n{\"name\":\"a\"}", 2, 1, "missing required field: upstream"),
            ("{\"name\":\"a\",\"NAME\":\"b\"}", 1, 13, "`name` is there twice"),
            (r#"{"name":"a","upstream":"b","toxics":{}}"#, 1, 37, "`toxics` should be a list"),
            (
                r#"{"name":"a","upstream":"b","toxics":[{"type":"noop"},{"type":"noop"}]}"#,
                1,
                54,
                "there are two toxics `noop_downstream`",
            ),
        ] {
            let mistake = declaration(&first(text.as_bytes()).unwrap()).unwrap_err();
            assert!(mistake.text.starts_with(part), "{text}: {mistake}");
            assert_eq!(Position::of(mistake.at, text.as_bytes()), Position { line, column });
        }
    }
}
