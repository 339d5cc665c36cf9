//! The figures of all rounds: medians, and the goals that they are held to.

use std::collections::BTreeMap;
use std::fmt;

/// What is measured. The order is that of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    RawGet,
    RawMget,
    /// By the load generator, as its users would measure it.
    Hit,
    /// What the hit takes longer than the raw GET of the same turn, as a multiple of that.
    HitAdds,
    /// By the very client that measures the raw round trips.
    SameClientHit,
    SameClientHitAdds,
    ClosedOffers,
    ClosedValkey,
    ClosedRate,
    OpenOffers,
    OpenValkey,
    /// Of all clients of one stampede, the slowest.
    StampedeSlowest,
    StampedeMedian,
    /// The worst of all keys, as the service counts.
    ReadsByService,
    /// The worst of all keys, as PostgreSQL logs.
    ReadsByPostgres,
    StampedeFailures,
}

/// What the service may add to a raw round trip, as a multiple of it.
const ADDED_MAX: f64 = 2.0;

/// Processor time of a hit, the Valkey server included.
const CPU_US_MAX: f64 = 60.0;

#[derive(Debug, Default)]
pub(crate) struct Figures {
    taken: BTreeMap<Figure, Vec<f64>>,
}

impl Figures {
    pub(crate) fn take(&mut self, figure: Figure, value: f64) {
        self.taken.entry(figure).or_default().push(value);
    }

    fn median(&self, figure: Figure) -> f64 {
        let [_, middle, _] = self.spread(figure);
        middle
    }

    /// First decile, median and last decile; of two in the middle, the lower.
    fn spread(&self, figure: Figure) -> [f64; 3] {
        let mut values = self.taken.get(&figure).cloned().unwrap_or_default();
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        [last / 10, last / 2, last - last / 10]
            .map(|index| values.get(index).copied().unwrap_or(f64::NAN))
    }

    fn worst(&self, figure: Figure) -> f64 {
        self.taken.get(&figure).into_iter().flatten().copied().fold(f64::NAN, f64::max)
    }

    fn round_trips(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nround trip at 1 connection, p50: median of all turns (first to last decile)"
        )?;
        let trips = [
            ("raw GET of the entry", Figure::RawGet),
            ("raw MGET as the service does", Figure::RawMget),
            ("hit, load generator", Figure::Hit),
            ("hit, client of the raw GET", Figure::SameClientHit),
        ];
        for (name, figure) in trips {
            let [low, middle, high] = self.spread(figure);
            writeln!(f, "  {name:<30} {middle:>8.1} µs   ({low:.1} to {high:.1})")?;
        }
        let added = [
            ("adds, load generator", Figure::HitAdds),
            ("adds, client of the raw GET", Figure::SameClientHitAdds),
        ];
        for (name, figure) in added {
            let [low, middle, high] = self.spread(figure);
            let verdict = verdict(middle <= ADDED_MAX);
            writeln!(
                f,
                "  {name:<30} {middle:>8.2} x raw GET of the turn ({low:.2} to {high:.2}), \
                 in all {:.2} x (goal: adds <= {ADDED_MAX} x): {verdict}",
                middle + 1.0
            )?;
        }
        Ok(())
    }

    fn processor_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nprocessor time per hit, median of the rounds")?;
        let loops = [
            ("closed loop, 32 connections", Figure::ClosedOffers, Figure::ClosedValkey),
            ("open loop, 1,000/s", Figure::OpenOffers, Figure::OpenValkey),
        ];
        for (name, offers, valkey) in loops {
            let (offers, valkey) = (self.median(offers), self.median(valkey));
            let verdict = verdict(offers + valkey <= CPU_US_MAX);
            writeln!(
                f,
                "  {name:<30} {:>8.1} µs   offers {offers:.1} + valkey {valkey:.1} \
                 (goal: <= {CPU_US_MAX} µs): {verdict}",
                offers + valkey
            )?;
        }
        writeln!(f, "  (the closed loop made {:.0} hits/s)", self.median(Figure::ClosedRate))
    }

    fn stampedes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.taken.get(&Figure::ReadsByService).map_or(0, Vec::len);
        writeln!(f, "\nstampede of 1,000 clients on one cold key, {keys} keys")?;
        let counts = [
            ("database reads, by the service", Figure::ReadsByService, 1.0),
            ("database reads, by PostgreSQL", Figure::ReadsByPostgres, 1.0),
            ("answers that were not 200", Figure::StampedeFailures, 0.0),
        ];
        for (name, figure, goal) in counts {
            let values = self.taken.get(&figure).into_iter().flatten();
            let is_met = values.clone().count() > 0 && values.clone().all(|value| *value == goal);
            let (worst, verdict) = (self.worst(figure), verdict(is_met));
            writeln!(f, "  {name:<30} {worst:>8.0} at worst (goal: exactly {goal}): {verdict}")?;
        }
        writeln!(
            f,
            "  latency: median client {:.1} ms, slowest client {:.1} ms, at worst {:.1} ms",
            self.median(Figure::StampedeMedian),
            self.median(Figure::StampedeSlowest),
            self.worst(Figure::StampedeSlowest),
        )
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.round_trips(f)?;
        self.processor_time(f)?;
        self.stampedes(f)
    }
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}
