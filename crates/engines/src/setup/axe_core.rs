//! axe-core, for the tests that show that pages can be used by everybody.
//!
//! It is brought at this version and no other: a test that breaks should mean that a page became
//! worse, not that the rules became stricter.

use super::facts::Facts;
use super::step::Step;
use crate::home::Home;
use crate::tool::Tool;

/// It imports nothing.
const PACKAGE: &str = "axe-core@4.14.1";

/// Prints the script that a page runs, or tells its version.
const LAUNCHER: &str = r#"#!/bin/sh
# Written by standfast setup.
folder=$(dirname "$(dirname "$(readlink -f "$0")")")/node_modules/axe-core
[ "$1" = --version ] || exec cat "$folder/axe.min.js"
sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$folder/package.json"
"#;

/// The distribution's packages without which it cannot be brought.
pub(super) fn packages(facts: &Facts) -> &'static [&'static str] {
    if facts.has_npm { &[] } else { &["npm"] }
}

/// The steps that bring it, without root.
pub(super) fn steps(home: &Home) -> Vec<Step> {
    let folder = home.engines().join(Tool::AxeCore.name()).to_string_lossy().into_owned();
    let fetch = ["npm", "install", "--prefix", &folder, "--no-save", "--ignore-scripts"];
    let fetch = [&fetch[..], &["--no-audit", "--no-fund", PACKAGE]].concat();
    // One file, so that a setup that was interrupted leaves either none or a whole one.
    let write = "mkdir -p \"$0/bin\" && printf %s \"$1\" > \"$0/bin/new\" && \
                 chmod 755 \"$0/bin/new\" && mv \"$0/bin/new\" \"$0/bin/axe-core\"";
    vec![
        Step::new("make a folder for axe-core", ["mkdir", "-p", &folder]),
        Step::new("bring axe-core", fetch),
        Step::new("write its launcher", ["sh", "-c", write, &folder, LAUNCHER]),
    ]
}
