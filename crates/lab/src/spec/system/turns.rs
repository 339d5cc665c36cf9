//! Whether engines that take turns in being the primary have somebody who decides on it.

use super::super::document::steps;
use super::check::Check;
use super::file::{EngineDeclaration, ServiceDeclaration};

impl Check<'_, '_> {
    /// An engine, its primary and its replicas are decided on by one service.
    pub(super) fn managed(&mut self, name: &str, engine: &EngineDeclaration) {
        let file = self.file;
        if let Some(primary) = &engine.replica_of
            && let Some(other) = file.engine.get(primary)
            && other.managed_by != engine.managed_by
        {
            let text = format!("`{name}` and its primary `{primary}` differ in `managed_by`");
            self.report(steps!["engine", name], text);
        }
        let Some(manager) = &engine.managed_by else { return };
        let place = steps!["engine", name, "managed_by"];
        if !engine.kind.is_sql() {
            let text = format!("`{name}` is {}, which is never a primary", engine.kind);
            return self.report(place, text);
        }
        match file.service.get(manager) {
            None if self.document.names("service").contains(&manager.as_str()) => {}
            None => {
                let text = format!("`{name}` is managed by `{manager}`, which is no service");
                let known = file.service.keys().map(String::as_str);
                self.problems.report_unknown(self.document.line(place), text, manager, known);
            }
            Some(service) if service.actuates.iter().all(|node| node != name) => {
                let text =
                    format!("`{manager}` manages `{name}`, but its `actuates` leaves it out");
                self.report(place, text);
            }
            Some(_) => {}
        }
        let has_turns = file.engine.values().any(|other| other.replica_of.as_deref() == Some(name));
        if engine.replica_of.is_none() && !has_turns {
            self.report(place, format!("`{name}` has no replica that could take its place"));
        }
    }

    pub(super) fn actuates(&mut self, name: &str, service: &ServiceDeclaration) {
        let file = self.file;
        for (index, node) in service.actuates.iter().enumerate() {
            let place = steps!["service", name, "actuates", index];
            match file.engine.get(node) {
                None if self.document.names("engine").contains(&node.as_str()) => {}
                None => {
                    let text = format!("`{name}` actuates `{node}`, which is no engine");
                    let known = file.engine.keys().map(String::as_str);
                    self.problems.report_unknown(self.document.line(place), text, node, known);
                }
                Some(engine) if engine.managed_by.as_deref() != Some(name) => {
                    let text = format!(
                        "`{name}` actuates `{node}`, which does not say that it is \
                         `managed_by` it"
                    );
                    self.report(place, text);
                }
                Some(_) => {}
            }
        }
    }
}
