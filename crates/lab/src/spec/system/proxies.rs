//! Whether proxies are declared so that they can be started: HAProxy's servers, Nginx's file.

use super::super::document::{Step, steps};
use super::super::placeholder::fill;
use super::check::Check;
use super::file::{EngineDeclaration, EngineKind};

/// What a proxy without any servers would be good for.
const NO_BACKENDS: &str = "needs `backends = [\"engine\", …]`";

impl Check<'_, '_> {
    pub(super) fn proxy(&mut self, name: &str, engine: &EngineDeclaration) {
        let is_haproxy = engine.kind == EngineKind::Haproxy;
        if is_haproxy && engine.backends.is_empty() {
            self.report(steps!["engine", name], format!("haproxy `{name}` {NO_BACKENDS}"));
        } else if !is_haproxy && !engine.backends.is_empty() {
            let text = format!("`backends` is for haproxy; `{name}` is {}", engine.kind);
            self.report(steps!["engine", name, "backends"], text);
        }
        for (index, backend) in engine.backends.iter().enumerate() {
            self.backend(name, backend, steps!["engine", name, "backends", index]);
        }
        let is_nginx = engine.kind == EngineKind::Nginx;
        match &engine.config {
            Some(config) if is_nginx => self.config(name, config),
            Some(_) => {
                let text = format!("`config` is for nginx; `{name}` is {}", engine.kind);
                self.report(steps!["engine", name, "config"], text);
            }
            None if is_nginx => {
                let text = format!("nginx `{name}` needs a file, `config = \"nginx.conf\"`");
                self.report(steps!["engine", name], text);
            }
            None => {}
        }
        if (is_haproxy || is_nginx) && !engine.settings.is_empty() {
            let text = format!("`{name}` is {}, which takes no `settings`", engine.kind);
            self.report(steps!["engine", name, "settings"], text);
        }
    }

    fn backend(&mut self, name: &str, backend: &str, place: &[Step<'_>]) {
        let file = self.file;
        let is_database = |kind: EngineKind| kind.is_sql() || kind == EngineKind::Valkey;
        let first = file.engine[name].backends.first().and_then(|first| file.engine.get(first));
        match file.engine.get(backend) {
            None if self.document.names("engine").contains(&backend) => {}
            None => {
                let text = format!("`{name}` forwards to `{backend}`, which is no engine");
                let databases = file.engine.iter().filter(|(_, other)| is_database(other.kind));
                let known = databases.map(|(name, _)| name.as_str());
                self.problems.report_unknown(self.document.line(place), text, backend, known);
            }
            Some(other) if !is_database(other.kind) => {
                let text = format!("`{backend}` is {}, behind which nobody is primary", other.kind);
                self.report(place, text);
            }
            Some(other) if first.is_some_and(|first| first.kind != other.kind) => {
                let text = format!("`{backend}` is {}; all backends are of one kind", other.kind);
                self.report(place, text);
            }
            Some(_) => {}
        }
    }

    fn config(&mut self, name: &str, config: &str) {
        let place = steps!["engine", name, "config"];
        let text = match self.source.read(config) {
            Ok(text) => text,
            Err(error) => return self.report(place, error.to_string()),
        };
        let mut values = self.process_placeholders();
        values.extend(["dir", "name", "host", "port"].map(str::to_owned));
        let values = values.into_iter().map(|known| (known, String::new())).collect();
        if let Err(unknown) = fill(&text, &values) {
            let line = self.document.line(place);
            let text = format!("`{config}` line {}: {unknown}", unknown.line);
            self.problems.push(line, text, unknown.suggestion);
        }
    }
}
