//! The configuration that we write, rewritten at every start because ports move.
//!
//! The quorum is a static one: voters are named by the configuration, so that a whole cluster can
//! move to other ports. A dynamic quorum keeps addresses in its log, and after such a move nobody
//! would find anybody.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::topology::Member;
use crate::engine::{EngineError, EngineSpec, Site};

pub(super) const CONFIGURATION_FILE: &str = "server.properties";

/// Below the data folder, which is the working directory. So no path stands in the configuration.
pub(super) const LOG_FOLDER: &str = "log";

/// What a system may set besides Kafka's own settings: the Java heap, such as `256m`.
pub(super) const HEAP: &str = "heap";

/// A lab's broker holds megabytes, and the machine has other things to run.
const HEAP_DEFAULT: &str = "256m";

/// What a system may not set: it is what standfast promises, or what moves with the instance.
const MANAGED: [&str; 14] = [
    "advertised.listeners",
    "broker.id",
    "controller.listener.names",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.voters",
    "early.start.listeners",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
    "node.id",
    "process.roles",
];

/// Our settings. A system can override every one of them.
const SETTINGS: [(&str, &str); 17] = [
    // A topic that nobody made is a mistake, and should look like one.
    ("auto.create.topics.enable", "false"),
    // How long a dead broker counts as alive, and so how long its partitions have no leader. The
    // default of nine seconds is made for networks, not for one machine.
    ("broker.session.timeout.ms", "2000"),
    ("broker.heartbeat.interval.ms", "250"),
    ("controller.quorum.election.timeout.ms", "500"),
    ("controller.quorum.election.backoff.max.ms", "500"),
    ("controller.quorum.fetch.timeout.ms", "1000"),
    // A follower that hangs leaves the in-sync set after this long, and until then every write
    // with `acks=all` waits for it.
    ("replica.lag.time.max.ms", "3000"),
    // The memory that compaction takes for itself; the default is half of our heap.
    ("log.cleaner.dedupe.buffer.size", "4194304"),
    // Fifty partitions of bookkeeping take longer to make than anything in a lab's day.
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "4"),
    ("share.coordinator.state.topic.num.partitions", "4"),
    // A group of one machine is complete at once.
    ("group.initial.rebalance.delay.ms", "0"),
    ("num.partitions", "1"),
    // Threads for a machine of few cores, as every one of them costs at the start.
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    ("background.threads", "2"),
    ("num.recovery.threads.per.data.dir", "2"),
];

/// Whether `folder` is one of a broker that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join(LOG_FOLDER).join("meta.properties").is_file()
}

/// The Java heap that it shall have.
pub(super) fn heap(site: &Site) -> &str {
    site.spec.settings.get(HEAP).map_or(HEAP_DEFAULT, String::as_str)
}

pub(super) fn write(site: &Site) -> Result<(), EngineError> {
    for (key, value) in &site.spec.settings {
        site.check_setting(key, value, &MANAGED)?;
    }
    check_heap(site)?;
    site.write(&site.spec.data.join(CONFIGURATION_FILE), &render(&site.spec))
}

fn check_heap(site: &Site) -> Result<(), EngineError> {
    let heap = heap(site);
    let number = heap.strip_suffix(['k', 'm', 'g']).unwrap_or_default();
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let (engine, key) = (site.name(), HEAP.to_owned());
    Err(EngineError::Setting { engine, key, problem: "is no size such as `256m`" })
}

fn render(spec: &EngineSpec) -> String {
    let members = spec.members();
    let mut settings: BTreeMap<&str, String> =
        SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    settings.extend(replication(members.len()));
    let own = spec.settings.iter().filter(|(key, _)| *key != HEAP);
    settings.extend(own.map(|(key, value)| (key.as_str(), value.clone())));
    settings.extend(listeners(spec));
    let voters: Vec<String> = members.iter().copied().map(Member::voter).collect();
    settings.insert("controller.quorum.voters", voters.join(","));
    settings.insert("process.roles", "broker,controller".to_owned());
    settings.insert("node.id", spec.kafka.node.to_string());
    settings.insert("log.dirs", LOG_FOLDER.to_owned());
    let mut text = String::from("# Written by standfast at every start; changes are lost.\n");
    for (key, value) in settings {
        writeln!(text, "{key}={}", escaped(&value)).expect("a string takes any text");
    }
    text
}

/// As many copies as the cluster can hold, up to three, and all but one of them for an
/// acknowledgement: so a cluster of three goes on without any one broker and loses nothing.
fn replication(members: usize) -> Vec<(&'static str, String)> {
    let copies = members.clamp(1, 3);
    let in_sync = copies.saturating_sub(1).max(1);
    let factors = [
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "share.coordinator.state.topic.replication.factor",
        "transaction.state.log.replication.factor",
    ];
    let minima = [
        "min.insync.replicas",
        "share.coordinator.state.topic.min.isr",
        "transaction.state.log.min.isr",
    ];
    let factors = factors.into_iter().map(|key| (key, copies.to_string()));
    factors.chain(minima.into_iter().map(|key| (key, in_sync.to_string()))).collect()
}

fn listeners(spec: &EngineSpec) -> Vec<(&'static str, String)> {
    let client = format!("CLIENT://{}:{}", spec.address(), spec.port);
    let mut names = vec!["CLIENT".to_owned(), "CONTROLLER".to_owned()];
    let mut listeners = vec![client.clone(), format!("CONTROLLER://{}", spec.controller())];
    let mut advertised = vec![client];
    for (index, edge) in spec.kafka.edges.iter().enumerate() {
        let name = format!("EDGE{index}");
        listeners.push(format!("{name}://{}", spec.edge_listener(index)));
        advertised.push(format!("{name}://{}", edge.advertised));
        names.push(name);
    }
    let protocols: Vec<String> = names.iter().map(|name| format!("{name}:PLAINTEXT")).collect();
    vec![
        ("listeners", listeners.join(",")),
        ("advertised.listeners", advertised.join(",")),
        ("listener.security.protocol.map", protocols.join(",")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("inter.broker.listener.name", "CLIENT".to_owned()),
    ]
}

/// A value as a Java properties file has it: a backslash escapes, leading blanks are dropped, and
/// what is not Latin-1 is misread.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for unit in value.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some('\\') => text.push_str("\\\\"),
            Some(' ') if text.is_empty() => text.push_str("\\ "),
            Some(letter) => text.push(letter),
            None => write!(text, "\\u{unit:04x}").expect("a string takes any text"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::super::topology::{EdgeListener, KafkaSpec};
    use super::*;
    use crate::secrets::Secrets;
    use crate::tool::EngineKind;

    fn spec(kafka: KafkaSpec) -> EngineSpec {
        EngineSpec {
            name: "kafka".to_owned(),
            kind: EngineKind::Kafka,
            host: None,
            port: 9092,
            data: "/data".into(),
            log: "/log".into(),
            database: None,
            user: None,
            settings: BTreeMap::new(),
            replica_of: None,
            peers: Vec::new(),
            agent: None,
            backends: Vec::new(),
            configuration: None,
            kafka,
            secrets: Secrets::generate(),
        }
    }

    #[test]
    fn one_broker_is_its_own_cluster() {
        let mut spec = spec(KafkaSpec::default());
        spec.settings.insert("heap".to_owned(), "1g".to_owned());
        spec.settings.insert("message.max.bytes".to_owned(), "2048".to_owned());
        insta::assert_snapshot!("one_broker", render(&spec));
    }

    #[test]
    fn a_member_names_all_voters_and_advertises_the_proxies_of_its_edges() {
        let member = |node: u32, port: u16| Member { node, address: Ipv4Addr::LOCALHOST, port };
        let proxy = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_001);
        let spec = spec(KafkaSpec {
            node: 1,
            members: vec![member(1, 9092), member(2, 9094), member(3, 9095)],
            edges: vec![EdgeListener { edge: "orders".to_owned(), advertised: proxy }],
        });
        insta::assert_snapshot!("member_of_three", render(&spec));
    }

    #[test]
    fn values_are_written_as_java_reads_them() {
        let check = |value: &str, expected: &str| assert_eq!(escaped(value), expected);
        check(r"C:\x", r"C:\\x");
        check("  two", r"\  two");
        check("a b=c:d", "a b=c:d");
        check("Tölz", r"T\u00f6lz");
    }
}
