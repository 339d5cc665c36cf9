//! The files of every shipped system, compiled in so that the one binary needs no folder beside it.

/// A shipped system, as the files that describe it.
#[derive(Clone, Copy, Debug)]
pub struct SystemFiles {
    /// The name of its folder, and the `name` in its `system.toml`.
    pub name: &'static str,
    /// Engines, services, tactics and scenarios.
    pub system_toml: &'static str,
    /// What `system.toml` refers to: path inside the folder, and content.
    pub files: &'static [(&'static str, &'static str)],
    /// File stem of an experiment, and its TOML. The order is that of the README.
    pub experiments: &'static [(&'static str, &'static str)],
    /// For people.
    pub readme: &'static str,
}

/// The text of a file in the folder of a system.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../", $path))
    };
}

/// All shipped systems.
pub const CATALOGUE: &[SystemFiles] = &[SystemFiles {
    name: "cache-fallback",
    system_toml: file!("cache-fallback/system.toml"),
    files: &[
        ("sql/schema.sql", file!("cache-fallback/sql/schema.sql")),
        ("sql/catalogue.sql", file!("cache-fallback/sql/catalogue.sql")),
    ],
    experiments: &[
        ("cache-miss", file!("cache-fallback/experiments/cache-miss.toml")),
        ("cache-hit", file!("cache-fallback/experiments/cache-hit.toml")),
        ("stale-fallback", file!("cache-fallback/experiments/stale-fallback.toml")),
        ("total-failure", file!("cache-fallback/experiments/total-failure.toml")),
        ("primary-stopped", file!("cache-fallback/experiments/primary-stopped.toml")),
        ("cache-stopped", file!("cache-fallback/experiments/cache-stopped.toml")),
        ("replica-paused", file!("cache-fallback/experiments/replica-paused.toml")),
        ("replica-slow", file!("cache-fallback/experiments/replica-slow.toml")),
        ("replica-link-cut", file!("cache-fallback/experiments/replica-link-cut.toml")),
        ("cache-slow", file!("cache-fallback/experiments/cache-slow.toml")),
        ("replication-cut", file!("cache-fallback/experiments/replication-cut.toml")),
        ("overload", file!("cache-fallback/experiments/overload.toml")),
        ("recovery", file!("cache-fallback/experiments/recovery.toml")),
    ],
    readme: file!("cache-fallback/README.md"),
}];
