//! order-saga as its files say, cut down to one cluster or whole, with tables of ours.

use anyhow::{Context, Result, ensure};
use standfast_lab::spec::SystemSource;
use standfast_systems::CATALOGUE;

use crate::target::{Kind, schema};

const SYSTEM: &str = "order-saga";

/// What belongs to one cluster.
pub(super) fn cluster(kind: Kind, settings: &[(String, String)]) -> Result<SystemSource> {
    let mut draft = Draft::of_order_saga()?;
    draft.system.retain(|key, _| !matches!(key, "tactic" | "scenario"));
    let cluster = kind.cluster();
    draft.keep("engine", &["a", "b", "proxy"].map(|part| format!("{cluster}-{part}")))?;
    draft.keep("service", &[format!("watchdog-{cluster}")])?;
    draft.prepare(kind, settings)?;
    draft.finish(cluster)
}

/// All of it.
pub(super) fn whole(settings: &[(String, String)]) -> Result<SystemSource> {
    let mut draft = Draft::of_order_saga()?;
    for kind in Kind::ALL {
        draft.prepare(kind, settings)?;
    }
    draft.finish("whole")
}

struct Draft {
    system: toml::Table,
    files: Vec<(String, String)>,
}

impl Draft {
    fn of_order_saga() -> Result<Self> {
        let files = CATALOGUE.iter().find(|files| files.name == SYSTEM);
        let files = files.context("no such system")?;
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let system = toml::from_str(files.system_toml)?;
        Ok(Self { system, files: files.files.iter().map(owned).collect() })
    }

    /// Leaves nothing but these in a section.
    fn keep(&mut self, section: &str, kept: &[String]) -> Result<()> {
        let table = self.system.get_mut(section).and_then(toml::Value::as_table_mut);
        let table = table.with_context(|| format!("no [{section}]"))?;
        table.retain(|name, _| kept.iter().any(|kept| kept == name));
        ensure!(table.len() == kept.len(), "[{section}] lacks one of {kept:?}");
        Ok(())
    }

    /// Gives a cluster our tables, and its servers these settings.
    fn prepare(&mut self, kind: Kind, settings: &[(String, String)]) -> Result<()> {
        let cluster = kind.cluster();
        let file = format!("bench-{cluster}.sql");
        self.files.push((file.clone(), schema(kind)));
        let servers = ["a", "b"].map(|letter| format!("{cluster}-{letter}"));
        let scripts = self.server(&servers[0])?.get_mut("init").and_then(toml::Value::as_array_mut);
        scripts.context("the first server has no script")?.push(file.into());
        for name in &servers {
            let settings = settings.iter().map(|(key, value)| (key.clone(), value.clone().into()));
            self.server(name)?
                .insert("settings".to_owned(), settings.collect::<toml::Table>().into());
        }
        Ok(())
    }

    fn server(&mut self, name: &str) -> Result<&mut toml::Table> {
        let engines = self.system.get_mut("engine").and_then(toml::Value::as_table_mut);
        let server = engines.and_then(|engines| engines.get_mut(name));
        server.and_then(toml::Value::as_table_mut).with_context(|| format!("no server {name}"))
    }

    /// Under a name of its own, and so with a template of its own: that of order-saga is somebody
    /// else's.
    fn finish(mut self, part: &str) -> Result<SystemSource> {
        let name = format!("bench-failover-{part}");
        self.system.insert("name".to_owned(), name.clone().into());
        let text = toml::to_string(&self.system)?;
        Ok(SystemSource::Embedded { name, text, files: self.files })
    }
}
