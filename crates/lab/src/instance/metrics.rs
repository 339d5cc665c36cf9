//! Metrics of a service, as Prometheus text.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::http::{self, HttpError};

/// A page of metrics is made in memory; a service that needs longer is not well.
const SCRAPE_WITHIN: Duration = Duration::from_secs(2);

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("GET /metrics answered {0}")]
    Status(u16),
}

/// Values by name; a metric with labels is named `name{label="value",…}`, as it is printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    values: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads `GET /metrics` of a service.
    ///
    /// # Errors
    /// When it does not answer in time, or answers something else than 200.
    pub async fn scrape(address: SocketAddr) -> Result<Self, ScrapeError> {
        let answer = http::get(address, "/metrics", SCRAPE_WITHIN).await?;
        match answer.status {
            200 => Ok(Self::parse(&String::from_utf8_lossy(&answer.body))),
            status => Err(ScrapeError::Status(status)),
        }
    }

    /// Reads Prometheus text; lines that are none are skipped, since one odd metric should not
    /// hide the others.
    pub fn parse(text: &str) -> Self {
        Self { values: text.lines().filter_map(sample).collect() }
    }

    /// The metric with exactly this name and these labels; for a name without labels, the sum over
    /// all labels.
    pub fn get(&self, name: &str) -> Option<f64> {
        if let Some(value) = self.values.get(name) {
            return Some(*value);
        }
        let labelled = format!("{name}{{");
        let mut of_name =
            self.values.range(labelled.clone()..).take_while(|(key, _)| key.starts_with(&labelled));
        let (_, first) = of_name.next()?;
        Some(of_name.fold(*first, |sum, (_, value)| sum + value))
    }

    /// Every metric in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// `name{labels} value [timestamp]`; label values may hold spaces and braces.
fn sample(line: &str) -> Option<(String, f64)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end_of_name = match line.find(['{', ' ', '\t'])? {
        brace if line[brace..].starts_with('{') => brace + end_of_labels(&line[brace..])?,
        space => space,
    };
    let (name, rest) = line.split_at(end_of_name);
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some((name.to_owned(), value))
}

fn end_of_labels(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metrics_are_found_by_name_and_by_label() {
        let metrics = Metrics::parse(
            "# HELP reads Reads.\n# TYPE reads counter\nreads_total{from=\"a }b\"} 3\n\
             reads_total{from=\"c\\\"\"} 4 1700000000\nup 1\nbroken{x=\"\nodd value\n",
        );
        assert_eq!(metrics.get("up"), Some(1.0));
        assert_eq!(metrics.get("reads_total{from=\"a }b\"}"), Some(3.0));
        assert_eq!(metrics.get("reads_total"), Some(7.0), "the sum over its labels");
        assert_eq!(metrics.get("reads"), None, "a prefix is another name");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[a-z{}\"\\\\ =0-9.\\né]*") {
            let _ = Metrics::parse(&text);
        }
    }
}
