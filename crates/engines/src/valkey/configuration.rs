//! The configuration that we write, rewritten at every start because ports move.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::engine::{EngineError, Site};

pub(super) const CONFIGURATION_FILE: &str = "valkey.conf";
pub(super) const SNAPSHOT_FILE: &str = "dump.rdb";

/// What a system may not set: it is what standfast promises, or what moves with the instance.
const MANAGED: [&str; 8] =
    ["bind", "daemonize", "dbfilename", "dir", "logfile", "port", "requirepass", "unixsocket"];

/// Our settings. A system can override every one of them.
const SETTINGS: [(&str, &str); 8] = [
    // A cache writes nothing while it runs: a crash empties it, as it would in production.
    ("save", ""),
    ("appendonly", "no"),
    // An orderly stop keeps the contents: whoever stops a system wants it back as it was.
    ("shutdown-on-sigterm", "save"),
    // Nobody replicates from it, so there is nobody to wait for.
    ("shutdown-timeout", "0"),
    // Without a bound a cache takes the machine's memory, and the run's figures with it.
    ("maxmemory", "256mb"),
    ("maxmemory-policy", "allkeys-lru"),
    ("protected-mode", "yes"),
    ("always-show-logo", "no"),
];

/// Makes the empty data folder.
pub(crate) fn create(site: &Site) -> Result<(), EngineError> {
    site.make_data_folder()?;
    write(site)
}

/// Whether `folder` is one of a Valkey server that we made.
pub(crate) fn is_data_folder(folder: &Path) -> bool {
    folder.join(CONFIGURATION_FILE).is_file()
}

/// The setting in effect.
pub(super) fn setting<'a>(site: &'a Site, key: &str) -> &'a str {
    let ours = || SETTINGS.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
    site.spec.settings.get(key).map(String::as_str).or_else(ours).unwrap_or_default()
}

pub(super) fn write(site: &Site) -> Result<(), EngineError> {
    for (key, value) in &site.spec.settings {
        site.check_setting(key, value, &MANAGED)?;
    }
    site.write(&site.spec.data.join(CONFIGURATION_FILE), &render(site))
}

fn render(site: &Site) -> String {
    let spec = &site.spec;
    let mut settings: BTreeMap<&str, String> =
        SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    settings.extend(spec.settings.iter().map(|(key, value)| (key.as_str(), value.clone())));
    settings.insert("port", spec.port.to_string());
    settings.insert("bind", spec.address().to_string());
    settings.insert("dir", spec.data.to_string_lossy().into_owned());
    settings.insert("dbfilename", SNAPSHOT_FILE.to_owned());
    settings.insert("logfile", String::new());
    settings.insert("daemonize", "no".to_owned());
    settings.insert("requirepass", spec.secrets.cache.clone());
    let mut text = String::from("# Written by standfast at every start; changes are lost.\n");
    for (key, value) in settings {
        // Values of several words, such as `save 60 1`, are several arguments, so only what must
        // be quoted is.
        let line = match key {
            "dir" | "requirepass" | "logfile" | "dbfilename" => format!("{key} {}", quoted(&value)),
            _ if value.is_empty() => format!("{key} \"\""),
            _ => format!("{key} {value}"),
        };
        writeln!(text, "{line}").expect("a string takes any text");
    }
    text
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
