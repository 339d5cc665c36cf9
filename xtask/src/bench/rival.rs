//! The load generators that people use today: how to start each, and how to read what it says.

use std::path::{Path, PathBuf};

/// What a generator is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) url: &'a str,
    pub(super) connections: u32,
    pub(super) seconds: u32,
    /// Requests per second; a closed loop without.
    pub(super) rate: Option<u32>,
}

/// What a generator says about its run.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) requests: f64,
    pub(super) p99_ms: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    Standfast,
    Wrk,
    Wrk2,
    Oha,
    Hey,
}

impl Rival {
    pub(super) const ALL: [Self; 5] =
        [Self::Standfast, Self::Wrk, Self::Wrk2, Self::Oha, Self::Hey];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Standfast => "standfast",
            Self::Wrk => "wrk",
            Self::Wrk2 => "wrk2",
            Self::Oha => "oha",
            Self::Hey => "hey",
        }
    }

    /// wrk has no rate and wrk2 nothing but one.
    pub(super) fn can(self, rate: Option<u32>) -> bool {
        match self {
            Self::Wrk => rate.is_none(),
            Self::Wrk2 => rate.is_some(),
            Self::Standfast | Self::Oha | Self::Hey => true,
        }
    }

    /// Our own example program, or the rival's from `PATH`.
    pub(super) fn program(self, examples: &Path) -> Option<PathBuf> {
        if self == Self::Standfast {
            return Some(examples.join("load"));
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join(self.name())).find(|p| p.is_file())
    }

    pub(super) fn arguments(self, job: Job<'_>) -> Vec<String> {
        let Job { url, connections, seconds, rate } = job;
        let text = match self {
            Self::Standfast => {
                let rate = rate.map(|rate| format!(" --rate {rate}")).unwrap_or_default();
                format!("{url} --connections {connections} --seconds {seconds}{rate}")
            }
            Self::Wrk => format!("-t1 -c{connections} -d{seconds}s --timeout 10s --latency {url}"),
            Self::Wrk2 => {
                let rate = rate.unwrap_or(1);
                format!("-t1 -c{connections} -d{seconds}s -R{rate} --timeout 10s --latency {url}")
            }
            Self::Oha => {
                let rate = rate.map(|rate| format!(" -q {rate}")).unwrap_or_default();
                format!("--no-tui --output-format json -c {connections} -z {seconds}s{rate} {url}")
            }
            Self::Hey => {
                // hey's rate is per worker.
                let rate =
                    rate.map(|rate| format!(" -q {}", f64::from(rate) / f64::from(connections)));
                format!("-c {connections} -z {seconds}s{} {url}", rate.unwrap_or_default())
            }
        };
        text.split_whitespace().map(str::to_owned).collect()
    }

    pub(super) fn read(self, stdout: &str) -> Option<Said> {
        match self {
            Self::Standfast => Some(Said {
                requests: word_after(stdout, "requests ")?.parse().ok()?,
                p99_ms: word_after(stdout, "p99_us ")
                    .and_then(|us| us.parse::<f64>().ok())
                    .map(|us| us / 1000.0),
            }),
            Self::Wrk | Self::Wrk2 => {
                let before = stdout.split(" requests in ").next()?;
                let requests = before.split_whitespace().next_back()?.parse().ok()?;
                let label = if self == Self::Wrk { "99% " } else { "99.000% " };
                Some(Said { requests, p99_ms: word_after(stdout, label).and_then(milliseconds) })
            }
            Self::Oha => {
                let statuses = stdout.split("\"statusCodeDistribution\"").nth(1)?;
                let statuses = statuses.split('}').next()?;
                let counts = statuses.split(':').filter_map(|part| {
                    part.trim().split([',', '\n', ' ']).next()?.trim().parse::<f64>().ok()
                });
                let p99 = word_after(stdout.split("\"latencyPercentiles\"").nth(1)?, "\"p99\":");
                let p99 = p99.and_then(|text| text.trim_end_matches(',').parse::<f64>().ok());
                Some(Said { requests: counts.sum(), p99_ms: p99.map(|seconds| seconds * 1000.0) })
            }
            Self::Hey => {
                let requests = word_after(stdout, "[200]\t")?.parse().ok()?;
                // Some versions write the percent sign twice.
                let p99 = word_after(stdout, "99%% in ").or_else(|| word_after(stdout, "99% in "));
                let p99 = p99.and_then(|text| text.parse::<f64>().ok());
                Some(Said { requests, p99_ms: p99.map(|seconds| seconds * 1000.0) })
            }
        }
    }
}

fn word_after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.split(label).nth(1)?.split_whitespace().next()
}

/// wrk writes `431.00us`, `1.80ms`, `1.80s`.
fn milliseconds(text: &str) -> Option<f64> {
    let number = text.trim_end_matches(|letter: char| letter.is_alphabetic());
    let factor = match &text[number.len()..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rival: Rival, stdout: &str, requests: f64, p99_ms: f64) {
        assert_eq!(rival.read(stdout), Some(Said { requests, p99_ms: Some(p99_ms) }));
    }

    #[test]
    fn the_words_of_every_rival_are_understood() {
        check(Rival::Standfast, "requests 1200\nok 1200\np99_us 1500\n", 1200.0, 1.5);
        let wrk = "  Latency Distribution\n     50%  431.00us\n     99%    2.00ms\n  \
                   123456 requests in 4.00s, 14.13MB read\n";
        check(Rival::Wrk, wrk, 123_456.0, 2.0);
        let wrk2 = " 50.000%    1.11ms\n 99.000%    1.80s \n  9973 requests in 20.00s, 1MB read\n";
        check(Rival::Wrk2, wrk2, 9973.0, 1800.0);
        let hey = "  99% in 0.0100 secs\n\nStatus code distribution:\n  [200]\t8000 responses\n";
        check(Rival::Hey, hey, 8000.0, 10.0);
        check(Rival::Hey, &hey.replace('%', "%%"), 8000.0, 10.0);
        let oha = "{\"latencyPercentiles\": {\n \"p95\": 0.1,\n \"p99\": 0.25,\n},\n \
                   \"statusCodeDistribution\": {\n \"200\": 500\n }\n}";
        check(Rival::Oha, oha, 500.0, 250.0);
        assert_eq!(Rival::Wrk.read("unable to connect"), None);
    }
}
