//! The brokers of a system: who forms a cluster with whom.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use standfast_engines::{KafkaSpec, Member};

use super::folder::InstanceFolder;
use super::options::ProvisionError;
use crate::spec::{Brokers, EngineKind, System};

/// Every broker, with all members of its cluster.
pub(crate) fn clusters(system: &System) -> BTreeMap<String, Vec<String>> {
    let brokers = system.engines.iter().filter(|(_, engine)| engine.kind == EngineKind::Kafka);
    let members = |name: &str| system.cluster(name).into_iter().map(str::to_owned).collect();
    brokers.map(|(name, _)| (name.clone(), members(name))).collect()
}

/// Data of one broker is none of a cluster, nor the other way round: each knows its peers. What is
/// there is counted by the names of folders, as an instance that was taken down has no record.
pub(crate) fn check_data(system: &System, folder: &InstanceFolder) -> Result<(), ProvisionError> {
    let Some(first) = system.first_broker() else { return Ok(()) };
    if !folder.data(first).exists() {
        return Ok(());
    }
    let others = Brokers::names(first).filter(|name| !system.services.contains_key(name));
    let others = others.filter(|name| folder.data(name).exists()).count();
    let (made_for, asked_for) = (1 + others, system.cluster(first).len());
    if made_for == asked_for {
        return Ok(());
    }
    let name = folder.name().to_owned();
    Err(ProvisionError::OtherBrokers { name, made_for, asked_for })
}

/// The place of the engine `name` in its cluster, whose members listen where `at` says.
pub(crate) fn kafka_spec(
    system: &System,
    name: &str,
    at: impl Fn(&str) -> SocketAddrV4,
) -> KafkaSpec {
    let mut spec = KafkaSpec::default();
    // In the order of the file, so that a broker keeps its number wherever it is started.
    for (node, member) in (1..).zip(system.cluster(name)) {
        let (address, port) = (*at(member).ip(), at(member).port());
        spec.members.push(Member { node, address, port });
        if member == name {
            spec.node = node;
        }
    }
    if spec.members.len() < 2 {
        spec.members.clear();
    }
    spec
}
