//! Stock clients of Toxiproxy, for the tests that show that they do not notice our server.
//!
//! They are brought at these versions and no others: a test that breaks should mean that we broke
//! it.

use super::facts::Facts;
use super::step::Step;
use crate::home::Home;
use crate::tool::Tool;

/// Two clients that share no code, then all that they import.
const PACKAGES: [&str; 15] = [
    "toxiproxy-python==0.1.1",
    "chaostoolkit-toxiproxy==0.3.1",
    "certifi==2026.10.18",
    "chaostoolkit-lib==1.44.0",
    "charset-normalizer==3.5.2",
    "future==1.0.0",
    "idna==3.20",
    "importlib_metadata==10.2.0",
    "lazy-importer==0.1.0",
    "logzero==1.7.0",
    "python-json-logger==4.2.0",
    "PyYAML==6.0.3",
    "requests==2.34.2",
    "urllib3==2.8.0",
    "zipp==4.1.2",
];

/// Runs the Python that brought them where the clients can be imported, and tells the first one's
/// version.
const LAUNCHER: &str = r#"#!/bin/sh
# Written by standfast setup.
folder=$(dirname "$(dirname "$(readlink -f "$0")")")
export PYTHONPATH="$folder" PYTHONDONTWRITEBYTECODE=1
[ "$1" = --version ] || exec PYTHON "$@"
exec PYTHON -c "from importlib.metadata import version as v; print(v(\"toxiproxy-python\"))"
"#;

/// The steps that bring them, without root.
pub(super) fn steps(facts: &Facts, home: &Home) -> Vec<Step> {
    let python = facts.python.as_deref().unwrap_or("/usr/bin/python3");
    let folder = home.engines().join(Tool::ToxiproxyClients.name()).to_string_lossy().into_owned();
    let fetch = [python, "-m", "pip", "install", "--no-deps", "--only-binary=:all:"];
    let quiet = ["--disable-pip-version-check", "--upgrade", "--target", &folder];
    let fetch = [&fetch[..], &quiet, &PACKAGES].concat();
    let launcher = LAUNCHER.replace("PYTHON ", &format!("{python} "));
    // One file, so that a setup that was interrupted leaves either none or a whole one.
    let write = "mkdir -p \"$0/bin\" && printf %s \"$1\" > \"$0/bin/new\" && \
                 chmod 755 \"$0/bin/new\" && mv \"$0/bin/new\" \"$0/bin/toxiproxy-clients\"";
    vec![
        Step::new("make a folder for Toxiproxy's clients", ["mkdir", "-p", &folder]),
        Step::new("bring Toxiproxy's clients", fetch),
        Step::new("write their launcher", ["sh", "-c", write, &folder, &launcher]),
    ]
}
