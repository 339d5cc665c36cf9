//! What the plan depends on, looked up once.

use std::fs;
use std::path::Path;

use nix::unistd::Uid;

use super::mysql;
use crate::process::probe;

/// Services of packages are kept from starting by this file of the administrator's.
pub(super) const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// How root's commands can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// We are root.
    Own,
    /// sudo asks for no password.
    Sudo,
    None,
}

/// This machine, as far as a setup cares.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) root: Root,
    pub(super) has_apt: bool,
    /// The administrator has a policy for services already: it is theirs, and stays.
    pub(super) has_service_policy: bool,
    /// The Python that has pip, when one has.
    pub(super) python: Option<String>,
    pub(super) has_maven: bool,
    pub(super) has_npm: bool,
    /// Packages that MySQL needs and that are not here.
    pub(super) mysql_lacks: Vec<&'static str>,
}

impl Facts {
    pub(super) fn gather() -> Self {
        Self {
            root: root(),
            has_apt: Path::new("/usr/bin/apt-get").exists(),
            // One that an interrupted setup has left is ours to replace.
            has_service_policy: fs::read_to_string(SERVICE_POLICY)
                .is_ok_and(|text| !text.contains("standfast setup")),
            python: ["python3", "/usr/bin/python3"]
                .into_iter()
                .find(|python| succeeds(python, &["-m", "pip", "--version"]))
                .map(str::to_owned),
            has_maven: is_on_path("mvn"),
            has_npm: is_on_path("npm"),
            mysql_lacks: mysql::lacking(),
        }
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    })
}

fn root() -> Root {
    if Uid::effective().is_root() {
        Root::Own
    } else if succeeds("sudo", &["-n", "true"]) {
        Root::Sudo
    } else {
        Root::None
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    probe::answer(Path::new(program), arguments).is_some_and(|answer| answer.success)
}
