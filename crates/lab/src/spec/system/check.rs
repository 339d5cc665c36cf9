//! Whether what a `system.toml` declares can be brought up.

use std::collections::BTreeMap;

use standfast_loadgen::Scenario;

use super::super::document::{Document, Step, steps};
use super::super::placeholder::fill;
use super::super::problem::Problems;
use super::super::source::{SystemSource, is_inside};
use super::file::{EngineDeclaration, EngineKind, FileCopy, ServiceDeclaration, SystemFile};
use super::order::{Cycle, start_order};
use super::ready::ReadyCheck;

/// Folder names, SQL slots and event targets are made of names, so they are short and plain.
pub(crate) const NAME_LENGTH_MAX: usize = 40;

/// Reports every mistake and answers the order in which processes start.
pub(super) fn check(
    file: &SystemFile,
    document: &Document<'_>,
    source: &SystemSource,
    problems: &mut Problems,
) -> Vec<String> {
    let mut check = Check { file, document, source, problems };
    check.names_and_ports();
    for (name, engine) in &file.engine {
        check.engine(name, engine);
    }
    for (name, service) in &file.service {
        check.service(name, service);
    }
    check.tactics();
    check.scenarios();
    check.order()
}

/// Whether `name` can be used for a process, a system, or an instance.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_identifier(name: &str) -> bool {
    name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub(super) struct Check<'a, 't> {
    pub(super) file: &'a SystemFile,
    pub(super) document: &'a Document<'t>,
    pub(super) source: &'a SystemSource,
    pub(super) problems: &'a mut Problems,
}

impl<'a> Check<'a, '_> {
    pub(super) fn report(&mut self, path: &[Step<'_>], text: String) {
        self.problems.report(self.document.line(path), text);
    }

    /// Those included that could not be read: they are reported once, not wherever they are named.
    fn process_names(&self) -> Vec<&'a str> {
        let document = self.document;
        [document.names("engine"), document.names("service")].concat()
    }

    fn names_and_ports(&mut self) {
        let file = self.file;
        if !file.name.is_empty() && !is_name(&file.name) {
            self.report(steps!["name"], bad_name("system", &file.name));
        }
        if file.engine.is_empty() && file.service.is_empty() && self.problems.is_empty() {
            self.report(steps!["name"], "the system has no engine and no service".to_owned());
        }
        let engines = file.engine.iter().map(|(name, engine)| ("engine", name, Some(engine.port)));
        let services = file.service.iter().map(|(name, service)| ("service", name, service.port));
        let mut ports: BTreeMap<u16, &str> = BTreeMap::new();
        for (section, name, port) in engines.chain(services) {
            if !is_name(name) {
                self.report(steps![section, name], bad_name(section, name));
            }
            if section == "service" && file.engine.contains_key(name) {
                let text = format!("`{name}` is the name of an engine already");
                self.report(steps![section, name], text);
            }
            let Some(port) = port else { continue };
            if port == 0 {
                self.report(steps![section, name, "port"], "port 0 is no port".to_owned());
            } else if let Some(other) = ports.insert(port, name) {
                let text = format!("port {port} of `{name}` is the port of `{other}` as well");
                self.report(steps![section, name, "port"], text);
            }
        }
    }

    fn engine(&mut self, name: &str, engine: &EngineDeclaration) {
        let written = [
            ("database", engine.database.is_some()),
            ("user", engine.user.is_some()),
            ("init", !engine.init.is_empty()),
            ("variables", !engine.variables.is_empty()),
            ("replica_of", engine.replica_of.is_some()),
        ];
        for (key, _) in written.iter().filter(|(_, is_written)| *is_written) {
            let place = steps!["engine", name, *key];
            if !engine.kind.is_sql() {
                let text = format!("`{key}` is for SQL engines; `{name}` is {}", engine.kind);
                self.report(place, text);
            } else if engine.replica_of.is_some() && *key != "replica_of" {
                let text = format!("`{name}` is a replica and has the `{key}` of its primary");
                self.report(place, text);
            } else if engine.database.is_none() && *key != "replica_of" {
                self.report(place, format!("`{key}` needs a `database` to be in"));
            }
        }
        for (key, value) in [("database", &engine.database), ("user", &engine.user)] {
            if let Some(value) = value.as_deref().filter(|value| !is_identifier(value)) {
                self.report(steps!["engine", name, key], bad_identifier(value));
            }
        }
        for variable in engine.variables.keys().filter(|name| !is_identifier(name)) {
            self.report(steps!["engine", name, "variables", variable], bad_identifier(variable));
        }
        for (index, script) in engine.init.iter().enumerate() {
            if let Err(error) = self.source.read(script) {
                self.report(steps!["engine", name, "init", index], error.to_string());
            }
        }
        if let Some(upstream) = &engine.replica_of {
            self.upstream(name, upstream);
        }
        if let Some(first) = &engine.cluster_of {
            self.cluster(name, engine, first);
        }
        self.proxy(name, engine);
        self.managed(name, engine);
    }

    fn upstream(&mut self, name: &str, upstream: &str) {
        let place = steps!["engine", name, "replica_of"];
        let file = self.file;
        match file.engine.get(upstream) {
            None if self.document.names("engine").contains(&upstream) => {}
            None => {
                let known = file.engine.keys().map(String::as_str).filter(|known| *known != name);
                let text = format!("`{name}` is a replica of `{upstream}`, which is no engine");
                self.problems.report_unknown(self.document.line(place), text, upstream, known);
            }
            Some(other) if !other.kind.is_sql() => {
                let text =
                    format!("`{upstream}` is {}; only SQL engines are replicated", other.kind);
                self.report(place, text);
            }
            Some(other) if self.kind_of(name).is_some_and(|kind| kind != other.kind) => {
                let text = format!("`{upstream}` is {}; a replica is of its kind", other.kind);
                self.report(place, text);
            }
            Some(other) if other.replica_of.is_some() && upstream != name => {
                let text = format!("`{upstream}` is a replica itself; name its primary");
                self.report(place, text);
            }
            Some(_) => {}
        }
    }

    fn kind_of(&self, name: &str) -> Option<EngineKind> {
        self.file.engine.get(name).map(|engine| engine.kind)
    }

    fn cluster(&mut self, name: &str, engine: &EngineDeclaration, first: &str) {
        let place = steps!["engine", name, "cluster_of"];
        if engine.kind != EngineKind::Kafka {
            let text = format!("`cluster_of` is for kafka; `{name}` is {}", engine.kind);
            return self.report(place, text);
        }
        let file = self.file;
        match file.engine.get(first) {
            None if self.document.names("engine").contains(&first) => {}
            None => {
                let known = file.engine.keys().map(String::as_str).filter(|known| *known != name);
                let text = format!("`{name}` is a broker beside `{first}`, which is no engine");
                self.problems.report_unknown(self.document.line(place), text, first, known);
            }
            Some(other) if other.kind != EngineKind::Kafka => {
                self.report(place, format!("`{first}` is {}, and no broker", other.kind));
            }
            Some(other) if other.cluster_of.is_some() => {
                let text = format!("`{first}` has a `cluster_of` itself; name the first broker");
                self.report(place, text);
            }
            Some(_) => {}
        }
    }

    fn service(&mut self, name: &str, service: &ServiceDeclaration) {
        let place = steps!["service", name];
        match (&service.serve, &service.run) {
            (Some(_), None) | (None, Some(_)) => {}
            (None, None) | (Some(_), Some(_)) => self.report(
                place,
                format!(
                    "service `{name}` needs either `serve = \"SYSTEM/SERVICE\"` or \
                     `run = [\"program\", …]`"
                ),
            ),
        }
        for (index, needed) in service.needs.iter().enumerate() {
            if !self.process_names().contains(&needed.as_str()) {
                let line = self.document.line(steps!["service", name, "needs", index]);
                let text =
                    format!("service `{name}` needs `{needed}`, which is no engine or service");
                self.problems.report_unknown(line, text, needed, self.process_names());
            }
        }
        self.faults(name, service);
        self.actuates(name, service);
        let check = service.readiness().check;
        if service.port.is_none() && matches!(check, ReadyCheck::Http(_) | ReadyCheck::Tcp) {
            let text = format!("`ready` of `{name}` asks its port, and it has none");
            self.report(steps!["service", name, "ready"], text);
        }
        if let ReadyCheck::Command(command) = &check {
            for word in command {
                self.template(name, service, word, steps!["service", name, "ready"]);
            }
        }
        self.templates(name, service, steps!["service", name]);
    }

    fn faults(&mut self, name: &str, service: &ServiceDeclaration) {
        if service.faults && service.port.is_none() {
            let text = format!("`faults` of `{name}` show at its port, and it has none");
            self.report(steps!["service", name, "faults"], text);
        }
        let Some(probe) = &service.probe else { return };
        let place = steps!["service", name, "probe"];
        if !service.faults {
            self.report(place, "`probe` shows faults, and needs `faults = true`".to_owned());
        } else if !probe.starts_with('/') {
            self.report(place, format!("`{probe}` is no path: it begins with `/`"));
        }
    }

    /// Checks all that placeholders are filled into, at a declaration or an override at `place`.
    fn templates(&mut self, name: &str, service: &ServiceDeclaration, place: &[Step<'_>]) {
        if service.run.as_ref().is_some_and(Vec::is_empty) {
            self.report(&[place, steps!["run"]].concat(), "`run` is empty".to_owned());
        }
        for (index, word) in service.run.iter().flatten().enumerate() {
            self.template(name, service, word, &[place, steps!["run", index]].concat());
        }
        for (key, value) in &service.env {
            self.template(name, service, value, &[place, steps!["env", key]].concat());
        }
        for (index, copy) in service.files.iter().enumerate() {
            self.copied_file(name, service, copy, &[place, steps!["files", index]].concat());
        }
    }

    fn template(
        &mut self,
        name: &str,
        service: &ServiceDeclaration,
        text: &str,
        place: &[Step<'_>],
    ) {
        if let Err(unknown) = fill(text, &self.placeholder_names(name, service)) {
            let line = self.document.line(place);
            self.problems.push(line, unknown.to_string(), unknown.suggestion);
        }
    }

    fn copied_file(
        &mut self,
        name: &str,
        service: &ServiceDeclaration,
        copy: &FileCopy,
        place: &[Step<'_>],
    ) {
        if !is_inside(&copy.to) {
            self.report(place, format!("`to = \"{}\"` lies outside of `{{dir}}`", copy.to));
        }
        let text = match self.source.read(&copy.from) {
            Ok(text) => text,
            Err(error) => return self.report(place, error.to_string()),
        };
        if let Err(unknown) = fill(&text, &self.placeholder_names(name, service)) {
            let line = self.document.line(place);
            let text = format!("`{}` line {}: {unknown}", copy.from, unknown.line);
            self.problems.push(line, text, unknown.suggestion);
        }
    }

    /// The names that the lab has values for when the service starts; the values do not matter.
    fn placeholder_names(
        &self,
        name: &str,
        service: &ServiceDeclaration,
    ) -> BTreeMap<String, String> {
        let own = ["dir", "name", "host"].map(str::to_owned).into_iter();
        let port = service.port.map(|_| "port".to_owned());
        let names = self.process_placeholders().into_iter().chain(own).chain(port);
        names.map(|known| (known, name.to_owned())).collect()
    }

    /// The same of other processes.
    pub(super) fn process_placeholders(&self) -> Vec<String> {
        let engines = self.document.names("engine").into_iter().flat_map(|engine| {
            ["port", "url", "host", "admin_url"].map(|field| format!("{engine}.{field}"))
        });
        let proxies = self.file.engine.iter().filter(|(_, it)| it.kind == EngineKind::Haproxy);
        let sockets = proxies.map(|(proxy, _)| format!("{proxy}.socket"));
        let with_port = self.file.service.iter().filter(|(_, service)| service.port.is_some());
        let services = with_port.flat_map(|(service, _)| {
            ["port", "url", "host"].map(|field| format!("{service}.{field}"))
        });
        engines.chain(sockets).chain(services).collect()
    }

    fn tactics(&mut self) {
        let file = self.file;
        for (tactic, declaration) in &file.tactic {
            if !is_name(tactic) {
                self.report(steps!["tactic", tactic], bad_name("tactic", tactic));
            }
            for (name, change) in &declaration.without {
                let place = steps!["tactic", tactic, "without", name];
                let Some(service) = file.service.get(name) else {
                    let text = format!("`{name}` is no service");
                    let known = file.service.keys().map(String::as_str);
                    self.problems.report_unknown(self.document.line(place), text, name, known);
                    continue;
                };
                // Only the change itself: what it leaves alone is checked with the service.
                let changed = ServiceDeclaration {
                    port: service.port,
                    run: change.run.clone(),
                    env: change.env.clone(),
                    files: change.files.clone().unwrap_or_default(),
                    ..ServiceDeclaration::default()
                };
                self.templates(name, &changed, place);
            }
        }
    }

    fn scenarios(&mut self) {
        let file = self.file;
        for (name, scenario) in &file.scenario {
            let place = steps!["scenario", name, "service"];
            match file.service.get(&scenario.service) {
                None => {
                    let service = &scenario.service;
                    let text = format!("scenario `{name}` asks `{service}`, which is no service");
                    let known = file.service.keys().map(String::as_str);
                    self.problems.report_unknown(self.document.line(place), text, service, known);
                }
                Some(service) if service.port.is_none() => {
                    let text =
                        format!("scenario `{name}` asks `{}`, which has no port", scenario.service);
                    self.report(place, text);
                }
                Some(_) => {}
            }
            if let Err(error) = Scenario::compile(name, scenario) {
                self.report(steps!["scenario", name], error.to_string());
            }
        }
    }

    fn order(&mut self) -> Vec<String> {
        let file = self.file;
        let engines = file.engine.iter().map(|(name, engine)| {
            (name.as_str(), engine.replica_of.iter().map(String::as_str).collect())
        });
        let services = file.service.iter().map(|(name, service)| {
            (name.as_str(), service.needs.iter().map(String::as_str).collect())
        });
        match start_order(&engines.chain(services).collect()) {
            Ok(order) => order,
            Err(Cycle(names)) => {
                let section =
                    if file.engine.contains_key(&names[0]) { "engine" } else { "service" };
                let text = format!("processes wait for each other: {}", names.join(" -> "));
                self.report(steps![section, &names[0]], text);
                Vec::new()
            }
        }
    }
}

fn bad_name(what: &str, name: &str) -> String {
    format!(
        "`{name}` is no name for a {what}: lower-case letters, digits and hyphens, at most \
         {NAME_LENGTH_MAX}, beginning with a letter"
    )
}

fn bad_identifier(name: &str) -> String {
    format!("`{name}` is no plain SQL name: lower-case letters, digits and underscores")
}
