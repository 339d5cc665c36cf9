//! Which shards there are, and what moves may cost, from the environment.

use standfast_reshard::coordinator::Fleet;
use standfast_reshard::core::Options;
use standfast_reshard::shard::{ShardAddress, tables_of};

use crate::serve::ServeError;
use crate::service::environment::Environment;

/// As the routers have it: they hash keys to these slots.
const SLOTS: usize = 4096;

/// The checked configuration.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) fleet: Fleet,
    /// Who shares the slots when there is no map yet.
    pub(super) owners: Vec<String>,
}

impl Settings {
    /// `SHARDS` is `name=url,name=url`: the administrator's URLs of whatever follows the primary,
    /// for the other shards as well. `OWNERS` are those that own slots to begin with.
    pub(super) fn read(environment: &Environment<'_>) -> Result<Self, ServeError> {
        let shards = environment.required_by("SHARDS", shards)?;
        let names = |text: &str| -> Vec<String> { list(text).map(str::to_owned).collect() };
        let known = |name: &String| shards.iter().any(|shard| shard.name == *name);
        let owners = environment.required_by("OWNERS", |text| {
            let owners = names(text);
            let stranger = owners.iter().find(|name| !known(name));
            stranger.map_or(Ok(owners.clone()), |name| Err(format!("`{name}` is no shard")))
        })?;
        let tables = environment
            .required_by("TABLES", |text| tables_of(list(text)).map_err(|(_, mistake)| mistake))?;
        let slots = environment.number("SLOTS", SLOTS)?;
        let slots = u16::try_from(slots).map_err(|error| ServeError::unusable("SLOTS", error))?;
        let defaults = Options::default();
        let options = Options {
            pause_max: environment.duration("PAUSE_MAX", defaults.pause_max)?,
            lag_max: environment.duration("LAG_MAX", defaults.lag_max)?,
            keep: environment.duration("KEEP", defaults.keep)?,
            ..defaults
        };
        let catalog_url = environment.required("CATALOG_URL")?;
        Ok(Self { fleet: Fleet { catalog_url, shards, tables, slots, options }, owners })
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// The URLs have passwords, so no part of the text is repeated.
fn shards(text: &str) -> Result<Vec<ShardAddress>, String> {
    let shard = |pair: &str| {
        let (name, url) = pair.split_once('=').ok_or("a shard is name=url")?;
        let (name, url) = (name.to_owned(), url.to_owned());
        Ok(ShardAddress { name, peer_url: url.clone(), url })
    };
    let shards = list(text).map(shard).collect::<Result<Vec<_>, &str>>()?;
    if shards.len() < 2 { Err("there must be two shards".to_owned()) } else { Ok(shards) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shards: &str, owners: &str) -> Result<Settings, String> {
        read_tables("users, products", (shards, owners))
    }

    fn read_tables(tables: &str, (shards, owners): (&str, &str)) -> Result<Settings, String> {
        let pairs = [
            ("CATALOG_URL", "postgresql://admin:secret@127.0.0.1:1/shop"),
            ("SHARDS", shards),
            ("OWNERS", owners),
            ("TABLES", tables),
            ("PAUSE_MAX", "150ms"),
        ];
        Settings::read(&Environment::of(&pairs)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fleet_is_shards_with_names_and_some_of_them_own_slots() {
        let settings = read("a=postgresql://x:secret@h/d,b=postgresql://y", "a").unwrap();
        let fleet = &settings.fleet;
        assert_eq!((fleet.shards.len(), fleet.tables.len(), fleet.slots), (2, 2, 4096));
        assert_eq!(fleet.shards[0].peer_url, "postgresql://x:secret@h/d");
        assert_eq!(fleet.options.pause_max.as_millis(), 150);
        assert_eq!(settings.owners, ["a"]);
    }

    #[test]
    fn what_is_wrong_is_named_without_a_password() {
        let wrong = [
            ("a=postgresql://x:secret@h", "a", "`SHARDS`"),
            ("a,b", "a", "`SHARDS`"),
            ("a=postgresql://x:secret@h,b=c", "c", "`OWNERS`"),
        ];
        for (shards, owners, variable) in wrong {
            let error = read(shards, owners).unwrap_err();
            assert!(error.contains(variable) && !error.contains("secret"), "{error}");
        }
        for tables in [",", "users,users"] {
            let error = read_tables(tables, ("a=x,b=y", "a")).unwrap_err();
            assert!(error.contains("`TABLES`"), "{error}");
        }
    }
}
