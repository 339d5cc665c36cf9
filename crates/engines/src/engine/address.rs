//! How an engine is reached: URLs with a role and its password.

use super::spec::EngineSpec;
use crate::tool::EngineKind;

/// The role that our SQL servers are made with.
const SUPERUSER: &str = "standfast";

/// For services: as the application's role, where there is one.
pub(super) fn url(spec: &EngineSpec) -> String {
    match (spec.kind, &spec.user) {
        (EngineKind::Postgres, Some(user)) => postgres(spec, user, &spec.secrets.application),
        (EngineKind::Mariadb | EngineKind::Mysql, Some(user)) => {
            mysql(spec, user, &spec.secrets.application)
        }
        (EngineKind::Postgres | EngineKind::Mariadb | EngineKind::Mysql, None)
        | (
            EngineKind::Valkey
            | EngineKind::Kafka
            | EngineKind::Haproxy
            | EngineKind::Nginx
            | EngineKind::Etcd,
            _,
        ) => admin_url(spec),
    }
}

/// For the lab: with every right.
pub(super) fn admin_url(spec: &EngineSpec) -> String {
    match spec.kind {
        EngineKind::Postgres => postgres(spec, SUPERUSER, &spec.secrets.superuser),
        EngineKind::Mariadb | EngineKind::Mysql => mysql(spec, SUPERUSER, &spec.secrets.superuser),
        EngineKind::Valkey => {
            format!("redis://:{}@{}:{}", spec.secrets.cache, spec.address(), spec.port)
        }
        // No URL, but what every client of Kafka takes: the brokers to begin with.
        EngineKind::Kafka => spec.bootstrap_servers(),
        // What it speaks is its servers' business, so whoever knows them makes a better URL.
        EngineKind::Haproxy => format!("tcp://{}:{}", spec.address(), spec.port),
        EngineKind::Nginx | EngineKind::Etcd => format!("http://{}:{}", spec.address(), spec.port),
    }
}

fn postgres(spec: &EngineSpec, user: &str, password: &str) -> String {
    let database = spec.database.as_deref().unwrap_or("postgres");
    format!("postgresql://{user}:{password}@{}:{}/{database}", spec.address(), spec.port)
}

/// Both servers have the scheme of the one that was there first.
fn mysql(spec: &EngineSpec, user: &str, password: &str) -> String {
    let database = spec.database.as_deref().unwrap_or_default();
    format!("mysql://{user}:{password}@{}:{}/{database}", spec.address(), spec.port)
}
