//! Kafka is a folder of jars: where such a folder may be, and how it is told from others.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::FoundIn;

/// The jar of the server is named after the Scala version that it is built with, and its own.
const SERVER: &str = "kafka_2.13-";

/// Where those who unpack Kafka's archive by hand usually put it.
const FOLDERS: [&str; 3] = ["/opt/kafka/libs", "/usr/local/kafka/libs", "/usr/share/kafka/libs"];

/// Every folder where the jars could be, in order.
pub(crate) fn candidate_folders(
    engines: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<(PathBuf, FoundIn)> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(named) = set("STANDFAST_KAFKA_BIN").map(PathBuf::from) {
        // The archive's own folder or its folder of scripts may be meant.
        let near = [named.join("libs"), named.join("../libs")];
        let folder = near.into_iter().find(|folder| folder.is_dir()).unwrap_or(named);
        return vec![(folder, FoundIn::Variable)];
    }
    let own = [(engines.join("kafka/libs"), FoundIn::Home)];
    let usual = FOLDERS.map(|folder| (PathBuf::from(folder), FoundIn::Distribution));
    let path = set("PATH").unwrap_or_default();
    let scripts = std::env::split_paths(&path)
        .filter(|folder| folder.join("kafka-server-start.sh").is_file())
        .map(|folder| (folder.join("../libs"), FoundIn::Path));
    own.into_iter().chain(usual).chain(scripts).collect()
}

/// The server's jar in `folder`.
pub(crate) fn server_jar(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| jar_version(path).is_some()).max()
}

/// The version that is in a jar's name, when it is the server's jar.
pub(crate) fn jar_version(jar: &Path) -> Option<String> {
    let version = jar.file_name()?.to_str()?.strip_prefix(SERVER)?.strip_suffix(".jar")?;
    let is_version = version.starts_with(|letter: char| letter.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_jar_of_the_server_tells_a_version() {
        let version = |name: &str| jar_version(Path::new(name));
        assert_eq!(version("/libs/kafka_2.13-4.1.0.jar").as_deref(), Some("4.1.0"));
        assert_eq!(version("/libs/kafka_2.13-4.1.0-sources.jar"), None);
        assert_eq!(version("/libs/kafka-clients-4.1.0.jar"), None);
    }

    #[test]
    fn our_own_folder_comes_first_and_a_variable_alone() {
        let nothing = |_: &str| None;
        let (first, found_in) = candidate_folders(Path::new("/h/engines"), nothing).remove(0);
        assert_eq!(
            (first.as_path(), found_in),
            (Path::new("/h/engines/kafka/libs"), FoundIn::Home)
        );
        let variable = |name: &str| (name == "STANDFAST_KAFKA_BIN").then(|| "/nowhere".into());
        let named = candidate_folders(Path::new("/h/engines"), variable);
        assert_eq!(named, [(PathBuf::from("/nowhere"), FoundIn::Variable)]);
    }
}
