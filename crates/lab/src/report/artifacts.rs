//! Links to what a run keeps beside its verdict; short texts are shown where they are.

use maud::{Markup, html};

use crate::run::StoredArtifact;

pub(super) fn artifacts(artifacts: &[StoredArtifact]) -> Markup {
    if artifacts.is_empty() {
        return html! {};
    }
    let mut folders: Vec<&str> = artifacts.iter().map(folder).collect();
    folders.dedup();
    html! {
        section #artifacts {
            h2 { "Artifacts" }
            p.hint { "Kept of each trial to be looked at; no verdict rests on them." }
            @for name in folders {
                h3 { (name.replace('-', " trial ")) }
                ul {
                    @for artifact in artifacts.iter().filter(|artifact| folder(artifact) == name) {
                        li { (shown(artifact)) }
                    }
                }
            }
        }
    }
}

/// `treatment-1`, of `treatment-1/lag.json`.
fn folder(artifact: &StoredArtifact) -> &str {
    artifact.path.split_once('/').map_or("", |(folder, _)| folder)
}

fn shown(artifact: &StoredArtifact) -> Markup {
    let name = artifact.path.split_once('/').map_or(artifact.path.as_str(), |(_, name)| name);
    html! {
        a href={ "artifacts/" (artifact.path) } { (name) }
        @if let Some(text) = &artifact.text {
            details { summary { "as text" } pre { (text) } }
        }
    }
}
