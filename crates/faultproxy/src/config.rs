//! The configuration file: the array of proxies of Toxiproxy's `-config`, with their toxics.
//!
//! Toxiproxy drops toxics that are written there, and starts without its proxies when one of them
//! is wrong. Here the whole file is read before any port is bound, and unknown keys are errors.

use std::io;
use std::path::{Path, PathBuf};

use crate::api::go_json::{Node, Value, first_with_end, is_named};
use crate::api::strict::{Mistake, Position, declaration};
use crate::proxy::ProxyDeclaration;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("configuration `{}` cannot be read", file.display())]
    Read {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    /// What is wrong, with the place where it stands.
    #[error("{}:{line}:{column}: {}{text}", file.display(), of_proxy(proxy.as_deref()))]
    Mistake {
        file: PathBuf,
        line: usize,
        column: usize,
        /// The proxy that it is about.
        proxy: Option<String>,
        text: String,
    },
}

fn of_proxy(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!("proxy `{proxy}`: "))
}

/// Reads a file.
///
/// # Errors
/// At its first mistake.
pub fn read(file: &Path) -> Result<Vec<ProxyDeclaration>, ConfigError> {
    let text = std::fs::read(file)
        .map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    parse(&text).map_err(|(proxy, mistake)| {
        let Position { line, column } = Position::of(mistake.at, &text);
        ConfigError::Mistake { file: file.to_owned(), line, column, proxy, text: mistake.text }
    })
}

/// A mistake, and the name of the proxy that it is about.
type Wrong = (Option<String>, Mistake);

fn parse(text: &[u8]) -> Result<Vec<ProxyDeclaration>, Wrong> {
    let whole = |mistake: Mistake| (None, mistake);
    let (node, end) = first_with_end(text).map_err(|error| whole(error.into()))?;
    if let Some(rest) = text[end..].iter().position(|byte| !byte.is_ascii_whitespace()) {
        let text = "something follows the list of proxies".to_owned();
        return Err(whole(Mistake { at: end + rest, text }));
    }
    let Value::List(items) = &node.value else {
        let kind = node.value.kind();
        let text = format!("a list of proxies should be here, and not a value of kind {kind}");
        return Err(whole(Mistake { at: node.at, text }));
    };
    let mut declarations: Vec<ProxyDeclaration> = Vec::new();
    for item in items {
        let declaration = declaration(item).map_err(|mistake| (name_of(item), mistake))?;
        let has_clash = |there: &ProxyDeclaration| there.name == declaration.name;
        if declarations.iter().any(has_clash) {
            let text = "another proxy has this name already".to_owned();
            return Err((Some(declaration.name), Mistake { at: item.at, text }));
        }
        declarations.push(declaration);
    }
    Ok(declarations)
}

/// The name that a proxy has, whatever else is wrong with it.
fn name_of(node: &Node) -> Option<String> {
    let Value::Object(members) = &node.value else { return None };
    let member = members.iter().find(|member| is_named(&member.key, "name"))?;
    let Value::Text(name) = &member.node.value else { return None };
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        let (proxy, mistake) = parse(text.as_bytes()).unwrap_err();
        let Position { line, column } = Position::of(mistake.at, text.as_bytes());
        format!("{line}:{column}: {}{}", of_proxy(proxy.as_deref()), mistake.text)
    }

    #[test]
    fn what_toxiproxy_takes_is_taken_and_toxics_are_kept() {
        let text = r#"[
            {"name": "web", "listen": "[::]:18080", "upstream": "localhost:8080", "enabled": true},
            {"name": "db", "upstream": "localhost:5432",
             "toxics": [{"type": "latency", "attributes": {"latency": 100}}]}
        ]
        "#;
        let read = parse(text.as_bytes()).unwrap();
        let names: Vec<_> = read.iter().map(|proxy| proxy.name.as_str()).collect();
        assert_eq!(names, ["web", "db"]);
        assert_eq!(read[1].toxics[0].name, "latency_downstream");
        assert_eq!(parse(b"[]").unwrap(), []);
    }

    #[test]
    fn mistakes_name_their_place_and_their_proxy() {
        for (text, expected) in [
            ("", "1:1: EOF"),
            ("{}", "1:1: a list of proxies should be here, and not a value of kind object"),
            ("[\n  {\"name\": }\n]", "2:12: invalid character '}' looking for beginning of value"),
            ("[] []", "1:4: something follows the list of proxies"),
            ("[{\"name\":\"a\"}]", "1:2: proxy `a`: missing required field: upstream"),
            (
                "[{\"name\":\"a\",\"upstream\":\"b\",\n \"toxcs\":[]}]",
                "2:2: proxy `a`: unknown key `toxcs`; there may be `name`, `listen`, `upstream`, \
                 `enabled`, `toxics`",
            ),
            (
                "[{\"name\":\"a\",\"upstream\":\"b\"},\n{\"name\":\"a\",\"upstream\":\"b\"}]",
                "2:1: proxy `a`: another proxy has this name already",
            ),
        ] {
            assert_eq!(complaint(text), expected);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("/nowhere/proxies.json")).unwrap_err();
        assert_eq!(error.to_string(), "configuration `/nowhere/proxies.json` cannot be read");
    }
}
