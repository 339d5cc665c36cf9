//! Figures in Prometheus' text format: Toxiproxy's names and labels, and ours beside them.
//!
//! They are live: Toxiproxy counts a connection's bytes when it closes.

use std::fmt::Write;

use crate::proxy::{Flow, ProxyView};

/// As Toxiproxy announces it.
pub(crate) const CONTENT_TYPE: &str =
    "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// What is counted per direction.
const FLOWS: [(&str, &str, FlowFigure); 2] = [
    (
        "toxiproxy_proxy_received_bytes_total",
        "Bytes that came from the client (upstream) or from the upstream (downstream).",
        |flow| flow.received_bytes,
    ),
    (
        "toxiproxy_proxy_sent_bytes_total",
        "Bytes that went to the upstream (upstream) or to the client (downstream).",
        |flow| flow.sent_bytes,
    ),
];

/// What is counted per proxy.
const PROXIES: [(&str, &str, &str, ProxyFigure); 4] = [
    ("standfast_proxy_connections", "gauge", "Connections that are open.", |proxy| {
        proxy.counters.connections_live
    }),
    ("standfast_proxy_connections_total", "counter", "Connections that were accepted.", |proxy| {
        proxy.counters.connections_total
    }),
    (
        "standfast_proxy_connections_refused_total",
        "counter",
        "Connections that were closed at once, because too many are open.",
        |proxy| proxy.counters.connections_refused,
    ),
    (
        "standfast_proxy_dials_failed_total",
        "counter",
        "Connections whose upstream could not be reached.",
        |proxy| proxy.counters.dials_failed,
    ),
];

type FlowFigure = fn(&Flow) -> u64;
type ProxyFigure = fn(&ProxyView) -> u64;

/// The figures of all proxies.
pub(crate) fn text(proxies: &[ProxyView]) -> String {
    let mut text = String::new();
    for (name, help, figure) in FLOWS {
        head(&mut text, name, "counter", help);
        for proxy in proxies {
            let labels = labels(proxy);
            let flows = [
                ("downstream", &proxy.counters.downstream),
                ("upstream", &proxy.counters.upstream),
            ];
            for (direction, flow) in flows {
                let value = figure(flow);
                line(&mut text, &format!("{name}{{direction=\"{direction}\",{labels}}} {value}"));
            }
        }
    }
    for (name, kind, help, figure) in PROXIES {
        head(&mut text, name, kind, help);
        for proxy in proxies {
            line(&mut text, &format!("{name}{{{}}} {}", labels(proxy), figure(proxy)));
        }
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    line(text, &format!("# HELP {name} {help}"));
    line(text, &format!("# TYPE {name} {kind}"));
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes all");
}

fn labels(proxy: &ProxyView) -> String {
    let [listener, name, upstream] =
        [&proxy.listen, &proxy.name, &proxy.upstream].map(|value| escaped(value));
    format!("listener=\"{listener}\",proxy=\"{name}\",upstream=\"{upstream}\"")
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Counters;

    #[test]
    fn names_and_labels_are_those_of_toxiproxy() {
        let counters = Counters {
            connections_live: 1,
            upstream: Flow { received_bytes: 86, sent_bytes: 85 },
            ..Counters::default()
        };
        let proxy = ProxyView {
            name: "m\"x\n".to_owned(),
            listen: "127.0.0.1:18490".to_owned(),
            upstream: "127.0.0.1:18475".to_owned(),
            enabled: true,
            toxics: Vec::new(),
            counters,
        };
        let text = text(&[proxy]);
        let labels = r#"listener="127.0.0.1:18490",proxy="m\"x\n",upstream="127.0.0.1:18475""#;
        let names = ["toxiproxy_proxy_received_bytes_total", "toxiproxy_proxy_sent_bytes_total"];
        for (name, value) in names.iter().zip([86, 85]) {
            let expected = format!("{name}{{direction=\"upstream\",{labels}}} {value}\n");
            assert!(text.contains(&expected), "{text}");
        }
        assert!(text.contains(&format!("standfast_proxy_connections{{{labels}}} 1\n")), "{text}");
    }

    #[test]
    fn every_line_is_one_that_prometheus_reads() {
        for line in text(&[]).lines() {
            assert!(line.starts_with("# HELP ") || line.starts_with("# TYPE "), "{line}");
        }
    }
}
