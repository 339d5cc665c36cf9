//! Links to the evidence sets of the trials, which lie beside the report.

use maud::{Markup, html};

/// What a set consists of, and what people call it.
const FILES: [(&str, &str); 3] = [
    ("failover", "timeline of the failover"),
    ("orders", "orders around each injection"),
    ("integrity", "integrity check"),
];

pub(super) fn evidence(sets: &[String]) -> Markup {
    if sets.is_empty() {
        return html! {};
    }
    html! {
        section #evidence {
            h2 { "Evidence" }
            p.hint { "Made of the record of each trial: what happened, and what it left." }
            ul {
                @for set in sets {
                    li {
                        (set.replace('-', " trial ")) ": "
                        @for (index, (file, title)) in FILES.iter().enumerate() {
                            @if index > 0 { ", " }
                            a href={ "evidence/" (set) "/" (file) ".txt" } { (title) }
                            " (" a href={ "evidence/" (set) "/" (file) ".json" } { "JSON" } ")"
                        }
                    }
                }
            }
        }
    }
}
