//! What the lab reads when nothing changes any more: `[[final]]`.
//!
//! A claim about orders needs to know what became of them, which no client was told. So the lab
//! reads lists from the services after everything is healed, page by page, until what they say is
//! settled and says so twice.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::document::steps;
use super::super::units::Length;
use super::check::Check;

/// Longer than an outbox that starts again needs for what has gathered in it.
const WITHIN_DEFAULT: Duration = Duration::from_secs(30);

/// What stands for the cursor in the path of a further page.
const CURSOR: &str = "{cursor}";

/// A list that is read from services after the load has ended and everything is healed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalFile {
    /// What claims call it.
    pub name: String,
    /// Who is asked; each of them is read by itself.
    #[schemars(length(min = 1))]
    pub services: Vec<String>,
    /// Path and query of a GET request.
    pub path: String,
    /// How the next page is found; without it, one answer is the whole list.
    #[serde(default)]
    pub page: Option<Page>,
    /// Where in the answer the list stands: a JSON pointer, by default the answer itself.
    #[serde(default)]
    pub rows: String,
    /// What is kept of each entry: a name, and where it stands in the entry (a JSON pointer).
    pub fields: BTreeMap<String, String>,
    /// What is kept of the answer as a whole: a name, and where it stands (a JSON pointer).
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Whether it is read before the load as well: what there was at first.
    #[serde(default)]
    pub before_load: bool,
    /// What has to be true for the reading to count as settled.
    #[serde(default)]
    pub until: Until,
    /// How long the lab waits for that; then it takes what it has read. Default 30 s.
    #[serde(default)]
    pub within: Option<Length>,
}

/// How one page leads to the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Where in the answer the cursor of the next page stands (a JSON pointer). The last page has
    /// none, or `null`.
    pub cursor: String,
    /// Path and query of the next page, with `{cursor}` in it.
    pub path: String,
}

/// When a reading is settled. Beside this, two readings in a row must be the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Fields and the values that no entry has any more, such as `{ status = ["pending"] }`.
    #[serde(default)]
    pub none: BTreeMap<String, Vec<String>>,
    /// Facts that every service agrees on, such as `["applied_offset"]`.
    #[serde(default)]
    pub same: Vec<String>,
}

/// A final reading that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub name: String,
    pub services: Vec<String>,
    pub path: String,
    pub page: Option<Page>,
    pub rows: String,
    pub fields: BTreeMap<String, String>,
    pub facts: BTreeMap<String, String>,
    pub before_load: bool,
    pub until: Until,
    pub within: Duration,
}

impl Page {
    /// The path of the page at `cursor`, which is put in as it is but for what a query cannot hold.
    pub fn path_at(&self, cursor: &str) -> String {
        let encode = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        };
        let encoded: String = cursor.bytes().map(encode).collect();
        self.path.replace(CURSOR, &encoded)
    }
}

impl Check<'_, '_> {
    pub(super) fn readings(&mut self) {
        let files: Vec<(usize, FinalFile)> = self.document.read_list("final", self.problems);
        for (index, file) in files {
            self.check_reading(index, &file);
            self.readings.push(Reading {
                name: file.name,
                services: file.services,
                path: file.path,
                page: file.page,
                rows: file.rows,
                fields: file.fields,
                facts: file.facts,
                before_load: file.before_load,
                until: file.until,
                within: file.within.map_or(WITHIN_DEFAULT, |within| within.0),
            });
        }
    }

    fn check_reading(&mut self, index: usize, file: &FinalFile) {
        self.check_services(index, file);
        let mut report = |key: &str, text: String| {
            let line = self.document.line(steps!["final", index, key]);
            self.problems.report(line, text);
        };
        if self.readings.iter().any(|earlier| earlier.name == file.name) {
            report("name", format!("there is another final reading `{}`", file.name));
        }
        if file.services.is_empty() {
            report("services", "a final reading needs a service to ask".to_owned());
        }
        let paths = [Some(&file.path), file.page.as_ref().map(|page| &page.path)];
        for path in paths.into_iter().flatten().filter(|path| !path.starts_with('/')) {
            report("path", format!("`{path}` is no path, which starts with `/`"));
        }
        if let Some(page) = file.page.as_ref().filter(|page| !page.path.contains(CURSOR)) {
            report("page", format!("the path `{}` has no `{CURSOR}` in it", page.path));
        }
        let pointers = file.fields.values().chain(file.facts.values()).chain([&file.rows]);
        let pointers = pointers.chain(file.page.as_ref().map(|page| &page.cursor));
        for pointer in pointers.filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            report("fields", format!("`{pointer}` is no JSON pointer, which starts with `/`"));
        }
        for field in file.until.none.keys().filter(|field| !file.fields.contains_key(*field)) {
            report("until", format!("`{field}` is none of the `fields` that are kept"));
        }
        for fact in file.until.same.iter().filter(|fact| !file.facts.contains_key(*fact)) {
            report("until", format!("`{fact}` is none of the `facts` that are kept"));
        }
    }

    fn check_services(&mut self, index: usize, file: &FinalFile) {
        for service in &file.services {
            let known = &self.system.services;
            if known.get(service).is_none_or(|service| service.port.is_none()) {
                let line = self.document.line(steps!["final", index, "services"]);
                let text = format!("`{service}` is no service with a port");
                self.unknown_service(line, text, service);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_cannot_break_out_of_its_query() {
        let page = Page { cursor: "/next".to_owned(), path: "/orders?after={cursor}".to_owned() };
        assert_eq!(page.path_at("019a-b"), "/orders?after=019a-b");
        assert_eq!(page.path_at("a&b c"), "/orders?after=a%26b%20c");
    }
}
