//! The file of a fleet of shards: the catalog, the servers, the tables, the bounds of a move.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use standfast_lab::spec::{line_at, nearest, suggestion_in};
use standfast_reshard::coordinator::Fleet;
use standfast_reshard::core::Options;
use standfast_reshard::shard::{ShardAddress, tables_of};
use toml::Spanned;

use crate::exit::Failure;

/// More would make the map slow to read, fewer would move in large steps.
const SLOTS: u16 = 4096;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FleetFile {
    /// The database that keeps the map and the journal.
    catalog: String,
    slots: Option<Spanned<u16>>,
    tables: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    limits: Limits,
    shard: Spanned<Vec<ShardTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardTable {
    name: Spanned<String>,
    /// As a superuser.
    url: String,
    /// As the other shards reach it, if that is another address.
    peer_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    pause_ms_max: Option<u64>,
    lag_ms_max: Option<u64>,
    pauses_max: Option<u32>,
    catch_up_s_max: Option<u64>,
}

/// A mistake, and where it is.
type Mistake = (std::ops::Range<usize>, String);

/// Reads and checks the file at `path`.
pub(super) fn read(path: &Path) -> Result<Fleet, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read the shards' file {shown}: {error}"))
    })?;
    parse(&text).map_err(|(span, mistake)| {
        Failure::usage(format!("{shown}:{}: {mistake}", line_at(&text, Some(span))))
    })
}

fn parse(text: &str) -> Result<Fleet, Mistake> {
    let file: FleetFile = toml::from_str(text).map_err(|error| {
        let message = error.message();
        let hint = suggestion_in(message)
            .map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
        (error.span().unwrap_or_default(), format!("{message}{hint}"))
    })?;
    let mut names: Vec<&str> = Vec::new();
    for shard in file.shard.get_ref() {
        let name = shard.name.get_ref();
        if names.contains(&name.as_str()) {
            return Err((shard.name.span(), format!("another shard is called `{name}`")));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err((file.shard.span(), "`shard`: there must be one".to_owned()));
    }
    let slots = file.slots.as_ref().map_or(SLOTS, |slots| *slots.get_ref());
    if usize::from(slots) < names.len() {
        let span = file.slots.as_ref().map(Spanned::span).unwrap_or_default();
        return Err((span, "`slots`: there must be one for each shard".to_owned()));
    }
    let listed = file.tables.get_ref();
    let tables = tables_of(listed.iter().map(|table| table.get_ref().as_str()));
    let tables = tables.map_err(|(position, mistake)| {
        let place = position.and_then(|position| listed.get(position));
        (place.map_or_else(|| file.tables.span(), Spanned::span), mistake)
    })?;
    let shards = file.shard.into_inner().into_iter().map(|shard| ShardAddress {
        name: shard.name.into_inner(),
        peer_url: shard.peer_url.unwrap_or_else(|| shard.url.clone()),
        url: shard.url,
    });
    let options = file.limits.options();
    Ok(Fleet { catalog_url: file.catalog, shards: shards.collect(), tables, slots, options })
}

impl Limits {
    fn options(&self) -> Options {
        let defaults = Options::default();
        let ms = |limit: Option<u64>, default| limit.map_or(default, Duration::from_millis);
        Options {
            pause_max: ms(self.pause_ms_max, defaults.pause_max),
            lag_max: ms(self.lag_ms_max, defaults.lag_max),
            pauses_max: self.pauses_max.unwrap_or(defaults.pauses_max),
            catch_up_max: self.catch_up_s_max.map_or(defaults.catch_up_max, Duration::from_secs),
            ..defaults
        }
    }
}

/// A shard of the file, or what was meant.
pub(super) fn known(fleet: &Fleet, name: &str) -> Result<(), Failure> {
    let names = || fleet.shards.iter().map(|shard| shard.name.as_str());
    if names().any(|known| known == name) {
        return Ok(());
    }
    let hint = nearest(name, names())
        .map_or_else(String::new, |word| format!(" (did you mean `{word}`?)"));
    Err(Failure::usage(format!("no shard is called `{name}`{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
catalog = \"postgresql://admin@127.0.0.1:5432/shop\"
tables = [\"items\", \"shop.orders\"]
[limits]
pause_ms_max = 150
[[shard]]
name = \"a\"
url = \"postgresql://admin@127.0.0.1:5432/shop\"
";

    #[test]
    fn a_file_says_what_differs_from_the_defaults() {
        let fleet = parse(FILE).unwrap();
        assert_eq!((fleet.slots, fleet.options.pause_max), (4096, Duration::from_millis(150)));
        assert_eq!(fleet.shards[0].peer_url, fleet.shards[0].url);
        assert_eq!(fleet.tables[1].to_string(), "shop.orders");
    }

    #[test]
    fn a_mistake_is_named_where_it_is() {
        let twice = format!("{FILE}[[shard]]\nname = \"a\"\nurl = \"postgresql://b\"\n");
        let (span, mistake) = parse(&twice).unwrap_err();
        assert_eq!(
            (line_at(&twice, Some(span)), mistake.as_str()),
            (9, "another shard is called `a`")
        );
        let wrong = FILE.replace("pause_ms_max", "pause_ms");
        assert!(parse(&wrong).unwrap_err().1.contains("`pause_ms`"));
        let odd = FILE.replace("shop.orders", "a.b.c");
        assert!(parse(&odd).unwrap_err().1.contains("names no table"));
        let twice = FILE.replace("shop.orders", "public.items");
        assert!(parse(&twice).unwrap_err().1.contains("named twice"));
        let none = FILE.replace("\"items\", \"shop.orders\"", "");
        let (span, mistake) = parse(&none).unwrap_err();
        assert_eq!((line_at(&none, Some(span)), mistake.as_str()), (2, "there must be a table"));
        let (head, _) = FILE.split_once("[[shard]]").unwrap();
        let empty = format!("shard = []\n{head}");
        assert!(parse(&empty).unwrap_err().1.contains("there must be one"));
    }
}
