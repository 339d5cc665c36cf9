//! What was seen, as JSON for programs and as text for people.

use std::fmt::Write;

use serde_json::{Value, json};

use super::distribution::{BOUNDS_MS, Distribution};
use super::observed::{Observed, Seen, Served, Spread};

/// By their names in metrics and reports.
pub(super) const QUANTILES: [(&str, f64); 4] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)];

/// Marks of a bar of the histogram.
const BAR: usize = 40;

/// Everything, of each replica, server and second.
pub(super) fn as_json(observed: &Observed) -> Value {
    let seen = observed.seen();
    let replicas = replicas(observed, &seen).map(|(name, node)| {
        let quantiles = node.quantiles_ms(QUANTILES.map(|(_, share)| share));
        let named =
            QUANTILES.iter().zip(quantiles).map(|((word, _), ms)| ((*word).into(), ms.into()));
        let quantiles: serde_json::Map<String, Value> = named.collect();
        let value = json!({
            "commit_to_visible_ms": quantiles,
            "markers": node.count(),
            "histogram": { "upper_bounds_ms": BOUNDS_MS, "counts": node.histogram() },
        });
        (name.to_owned(), value)
    });
    let replicas: serde_json::Map<String, Value> = replicas.collect();
    let replication = seen.replication.iter().map(|(name, told)| {
        let value = json!({
            "sync_state": told.sync_state,
            "write_ms": spread(told.write_ms),
            "flush_ms": spread(told.flush_ms),
            "replay_ms": spread(told.replay_ms),
            "behind_bytes": spread(told.behind_bytes),
        });
        (name.clone(), value)
    });
    let replication: serde_json::Map<String, Value> = replication.collect();
    let connections = seen.connections.iter().map(|(name, of)| {
        (name.clone(), json!({ "all": spread(of.all), "active": spread(of.active) }))
    });
    let connections: serde_json::Map<String, Value> = connections.collect();
    let long = seen.long_queries.iter().map(|((server, statement), ms)| {
        json!({ "server": server, "statement": statement, "longest_ms": ms })
    });
    let seconds = seconds(observed, &seen).into_iter().map(|(second, served, lags)| {
        json!({ "second": second, "writes": served.writes, "rows": served.rows,
                "reads": served.reads, "lag_ms_max": lags })
    });
    json!({
        "replicas": replicas,
        "pg_stat_replication": replication,
        "connections": connections,
        "long_queries": long.collect::<Vec<_>>(),
        "total": { "writes": seen.total.writes, "rows": seen.total.rows,
                   "reads": seen.total.reads },
        "seconds": seconds.collect::<Vec<_>>(),
    })
}

fn spread(of: Spread) -> Value {
    json!({ "mean": of.mean(), "max": of.max, "last": of.last, "samples": of.count })
}

fn replicas<'s>(
    observed: &'s Observed,
    seen: &'s Seen,
) -> impl Iterator<Item = (&'s str, &'s Distribution)> {
    let nodes = observed.nodes.iter().zip(&seen.markers.nodes);
    nodes.filter(|(_, node)| node.is_replica).map(|(name, node)| (name.as_str(), &node.all))
}

/// Each second of the load with the greatest lag of each replica in it.
fn seconds(observed: &Observed, seen: &Seen) -> Vec<(u64, Served, serde_json::Map<String, Value>)> {
    let of_second = |(second, served): (&u64, &Served)| {
        let nodes = observed.nodes.iter().zip(&seen.markers.nodes);
        let lags = nodes.filter(|(_, node)| node.is_replica).map(|(name, node)| {
            let greatest = node.seconds.get(second);
            let ms = greatest.map(|(lag, _)| lag.as_secs_f64() * 1e3);
            (name.clone(), json!(ms))
        });
        (*second, *served, lags.collect())
    };
    seen.served.iter().map(of_second).collect()
}

/// The same on one page.
pub(super) fn as_text(observed: &Observed) -> String {
    let mut text = String::new();
    write(&mut text, observed).expect("a string takes any text");
    text
}

fn write(text: &mut String, observed: &Observed) -> std::fmt::Result {
    let seen = observed.seen();
    writeln!(text, "Commit to visible, in milliseconds\n")?;
    writeln!(text, "{:<10}{:>9}{:>9}{:>9}{:>9}{:>9}", "replica", "p50", "p90", "p99", "max", "n")?;
    for (name, lags) in replicas(observed, &seen) {
        write!(text, "{name:<10}")?;
        for ms in lags.quantiles_ms(QUANTILES.map(|(_, share)| share)) {
            write!(text, "{ms:>9.1}")?;
        }
        writeln!(text, "{:>9}", lags.count())?;
    }
    for (name, lags) in replicas(observed, &seen) {
        writeln!(text, "\n{name}")?;
        histogram(text, lags)?;
    }
    writeln!(text, "\npg_stat_replication, mean and greatest\n")?;
    let columns = ["write ms", "flush ms", "replay ms", "behind kB"];
    write!(text, "{:<10}{:<10}", "replica", "sync")?;
    columns.iter().try_for_each(|column| write!(text, "{column:>18}"))?;
    writeln!(text)?;
    for (name, told) in &seen.replication {
        write!(text, "{name:<10}{:<10}", told.sync_state)?;
        for of in [told.write_ms, told.flush_ms, told.replay_ms] {
            write!(text, "{:>9.1}{:>9.1}", of.mean(), of.max)?;
        }
        let bytes = told.behind_bytes;
        writeln!(text, "{:>9.0}{:>9.0}", bytes.mean() / 1e3, bytes.max / 1e3)?;
    }
    writeln!(text, "\nConnections of clients, mean and greatest: all, active\n")?;
    for (name, of) in &seen.connections {
        let (all, active) = (of.all, of.active);
        writeln!(
            text,
            "{name:<10}{:>6.1}{:>6.0}{:>9.1}{:>6.0}",
            all.mean(),
            all.max,
            active.mean(),
            active.max
        )?;
    }
    writeln!(text, "\nStatements that ran for long: {}\n", seen.long_queries.len())?;
    for ((server, statement), ms) in &seen.long_queries {
        writeln!(text, "{server:<10}{ms:>9.0} ms  {statement}")?;
    }
    writeln!(text, "\nSecond by second: writes, rows, reads; greatest lag in milliseconds\n")?;
    for (second, served, lags) in seconds(observed, &seen) {
        let Served { writes, rows, reads } = served;
        write!(text, "{second:>5} s{writes:>8}{rows:>8}{reads:>8}  ")?;
        for (name, ms) in lags {
            let ms = ms.as_f64().map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1}"));
            write!(text, "  {name} {ms:>8}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn histogram(text: &mut String, lags: &Distribution) -> std::fmt::Result {
    let bins = lags.histogram();
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let bounds = BOUNDS_MS.iter().map(|bound| format!("≤ {bound}"));
    let names = bounds.chain([format!("> {}", BOUNDS_MS[BOUNDS_MS.len() - 1])]);
    for (name, count) in names.zip(bins).filter(|(_, count)| *count > 0) {
        let bar = "█".repeat((count * BAR).div_ceil(most));
        writeln!(text, "{name:>9} ms{count:>8}  {bar}")?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::service::environment::Environment;
    use crate::sharded_shop::lag::observed::Replication;
    use crate::sharded_shop::lag::settings::Settings;

    /// A primary, a replica that is 4 ms behind, and one that is 9.
    pub(in crate::sharded_shop::lag) fn observed() -> (Observed, Instant) {
        let url = "postgresql://shop@127.0.0.1:1/shop";
        let nodes = format!("a={url},b={url},c={url}");
        let pairs = [("PRIMARY_URL", url), ("NODES", nodes.as_str()), ("ADMINS", nodes.as_str())];
        let observed = Observed::new(&Settings::read(&Environment::of(&pairs)).unwrap());
        observed.served(Served { writes: 2, rows: 20, reads: 5 });
        let start = observed.seen().markers.begun().unwrap();
        {
            let mut seen = observed.seen();
            for (node, is_replica) in [(0, false), (1, true), (2, true)] {
                seen.markers.showed(node, 0, is_replica, start);
            }
            seen.markers.committed(1, start);
            seen.markers.showed(1, 1, true, start + Duration::from_millis(4));
            seen.markers.showed(2, 1, true, start + Duration::from_millis(9));
        }
        let said = Replication { behind_bytes: 4096.0, ..Replication::default() };
        observed.replication("b".to_owned(), said);
        observed.connections("a", 3.0, 1.0);
        observed.long_query("a", "SELECT pg_sleep(9)".to_owned(), 900.0);
        (observed, start)
    }

    #[test]
    fn both_forms_say_how_far_each_replica_is_behind_and_when() {
        let (observed, _) = observed();
        let json = as_json(&observed);
        assert_eq!(json["replicas"]["c"]["commit_to_visible_ms"]["p99"], 9.0);
        assert!(json["replicas"]["a"].is_null(), "the primary is none");
        assert_eq!(json["seconds"][0]["lag_ms_max"]["b"], 4.0);
        assert_eq!(json["connections"]["a"]["active"]["max"], 1.0);
        let text = as_text(&observed);
        for line in
            ["c               9.0      9.0      9.0      9.0        1", "SELECT pg_sleep(9)"]
        {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains("≤ 10 ms       1  █"), "{text}");
    }
}
