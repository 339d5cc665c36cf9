//! What a claim can be made on: the lag of each replica, and of the one that is furthest behind.

use std::fmt::Write;

use tokio::time::Instant;

use super::observed::Observed;
use super::report::QUANTILES;

/// The text form. Gauges of everything that was seen are made when somebody asks.
pub(super) fn text(observed: &Observed, now: Instant) -> String {
    let mut text = String::new();
    let seen = observed.seen();
    let mut worst = ([0.0_f64; QUANTILES.len()], 0.0_f64);
    for (name, node) in observed.nodes.iter().zip(&seen.markers.nodes) {
        if !node.is_replica {
            continue;
        }
        let quantiles = node.all.quantiles_ms(QUANTILES.map(|(_, share)| share));
        let recent = node.recent(now).as_secs_f64() * 1e3;
        for (index, (word, _)) in QUANTILES.iter().enumerate() {
            worst.0[index] = worst.0[index].max(quantiles[index]);
            gauge(&mut text, &format!("lag_{word}_ms{{node=\"{name}\"}}"), quantiles[index]);
        }
        worst.1 = worst.1.max(recent);
        gauge(&mut text, &format!("lag_recent_ms{{node=\"{name}\"}}"), recent);
        gauge(&mut text, &format!("lag_markers{{node=\"{name}\"}}"), count(node.all.count()));
    }
    for (index, (word, _)) in QUANTILES.iter().enumerate() {
        gauge(&mut text, &format!("lag_worst_{word}_ms"), worst.0[index]);
    }
    gauge(&mut text, "lag_worst_recent_ms", worst.1);
    let behind = seen.replication.values().map(|told| told.behind_bytes.max);
    gauge(&mut text, "lag_worst_behind_bytes", behind.fold(0.0, f64::max));
    gauge(&mut text, "lag_rows_written", approximate(seen.total.rows));
    gauge(&mut text, "lag_writes", approximate(seen.total.writes));
    gauge(&mut text, "lag_reads", approximate(seen.total.reads));
    gauge(&mut text, "lag_long_queries", count(seen.long_queries.len()));
    text
}

fn gauge(text: &mut String, name: &str, value: f64) {
    writeln!(text, "{name} {value}").expect("a string takes any text");
}

fn count(number: usize) -> f64 {
    approximate(number as u64)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
fn approximate(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sharded_shop::lag::report::tests::observed;

    #[test]
    fn the_replica_that_is_furthest_behind_stands_for_all() {
        let (observed, start) = observed();
        let text = text(&observed, start + Duration::from_millis(20));
        for line in [
            "lag_p99_ms{node=\"b\"} 4",
            "lag_p99_ms{node=\"c\"} 9",
            "lag_worst_p99_ms 9",
            "lag_worst_recent_ms 9",
            "lag_worst_behind_bytes 4096",
            "lag_rows_written 20",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
        }
        assert!(!text.contains("node=\"a\""), "it is the primary");
    }
}
