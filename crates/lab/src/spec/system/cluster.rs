//! Which brokers belong together.

use std::collections::BTreeMap;

use super::file::{EngineDeclaration, EngineKind};

/// All members of the cluster of `name`, the one that the others name first. Whatever is no broker
/// stands for itself.
pub(super) fn cluster_of<'a>(
    engines: &'a BTreeMap<String, EngineDeclaration>,
    name: &'a str,
) -> Vec<&'a str> {
    let Some(engine) = engines.get(name).filter(|engine| engine.kind == EngineKind::Kafka) else {
        return vec![name];
    };
    let first = engine.cluster_of.as_deref().unwrap_or(name);
    let others = engines.iter().filter(|(_, other)| other.cluster_of.as_deref() == Some(first));
    let others = others.map(|(other, _)| other.as_str()).filter(|other| *other != first);
    std::iter::once(first).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(kind: EngineKind, cluster_of: Option<&str>) -> EngineDeclaration {
        EngineDeclaration {
            kind,
            port: 1,
            database: None,
            user: None,
            init: Vec::new(),
            variables: BTreeMap::new(),
            settings: BTreeMap::new(),
            replica_of: None,
            cluster_of: cluster_of.map(str::to_owned),
            managed_by: None,
            backends: Vec::new(),
            config: None,
        }
    }

    #[test]
    fn all_members_of_a_cluster_see_the_same_one() {
        let engines = BTreeMap::from([
            ("alone".to_owned(), engine(EngineKind::Kafka, None)),
            ("b".to_owned(), engine(EngineKind::Kafka, None)),
            ("a".to_owned(), engine(EngineKind::Kafka, Some("b"))),
            ("c".to_owned(), engine(EngineKind::Kafka, Some("b"))),
            ("cache".to_owned(), engine(EngineKind::Valkey, None)),
        ]);
        for member in ["a", "b", "c"] {
            assert_eq!(cluster_of(&engines, member), ["b", "a", "c"]);
        }
        assert_eq!(cluster_of(&engines, "alone"), ["alone"]);
        assert_eq!(cluster_of(&engines, "cache"), ["cache"]);
    }
}
