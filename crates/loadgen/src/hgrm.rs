//! Writes the percentile table that HdrHistogram's plotters read (`.hgrm`).
//!
//! Four columns: value, percentile, count of values up to it, and 1 / (1 - percentile), by which a
//! plot has its logarithmic axis. Values are recorded in microseconds and written in milliseconds.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Lines for each halving of the distance to 100 %, as HdrHistogram's own tools print.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

const MICROS_PER_MILLI: f64 = 1000.0;

/// Writes the distribution of `latency_us`.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(out: &mut impl Write, latency_us: &Histogram<u64>) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut total = 0;
    for step in latency_us.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value = millis(step.value_iterated_to());
        let quantile = step.quantile_iterated_to();
        if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            writeln!(out, "{value:12.3} {quantile:2.12} {total:10} {inverse:14.2}")?;
        } else {
            // The last line has no fourth column: it would be infinite.
            writeln!(out, "{value:12.3} {quantile:2.12} {total:10}")?;
        }
    }
    writeln!(
        out,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        latency_us.mean() / MICROS_PER_MILLI,
        latency_us.stdev() / MICROS_PER_MILLI,
    )?;
    writeln!(
        out,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        millis(latency_us.max()),
        latency_us.len(),
    )?;
    writeln!(
        out,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        latency_us.buckets(),
        2 * 10_u32.pow(u32::from(latency_us.sigfig())).next_power_of_two(),
    )
}

#[expect(clippy::cast_precision_loss, reason = "an hour of microseconds fits into the mantissa")]
fn millis(micros: u64) -> f64 {
    micros as f64 / MICROS_PER_MILLI
}
