//! The foreign servers and tables: one server for each shard, made anew at each start.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use super::super::routing::ShardAddress;
use crate::service::sessions::DatabaseError;

/// Some statements per shard, none of which asks a shard.
const SET_UP_TIME_MAX: Duration = Duration::from_secs(10);

const AGAIN: Duration = Duration::from_millis(200);

/// Makes them, however long the database is away.
pub(super) async fn set_up(config: &Config, shards: &[ShardAddress]) {
    let script = script(shards);
    loop {
        let run = async {
            let (client, connection) = config.connect(NoTls).await?;
            let work = async { Ok::<_, DatabaseError>(client.batch_execute(&script).await?) };
            tokio::select! {
                done = work => done,
                ended = connection => Ok(ended?),
            }
        };
        match timeout(SET_UP_TIME_MAX, run).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::warn!(%error, "the foreign tables could not be made"),
            Err(_) => tracing::warn!("the foreign tables were not made in time"),
        }
        sleep(AGAIN).await;
    }
}

/// One transaction: reports see all of it or nothing.
fn script(shards: &[ShardAddress]) -> String {
    let mut script = String::from("BEGIN; CREATE EXTENSION IF NOT EXISTS postgres_fdw;\n");
    for ShardAddress { name, servers } in shards {
        let Some(server) = servers.first() else { continue };
        let quoted = identifier(name);
        let mapping = format!(
            "user {}, password {}",
            literal(server.get_user().unwrap_or_default()),
            literal(&String::from_utf8_lossy(server.get_password().unwrap_or_default())),
        );
        script.push_str(&format!(
            "DROP SERVER IF EXISTS {quoted} CASCADE;\n\
             CREATE SERVER {quoted} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({});\n\
             CREATE USER MAPPING FOR PUBLIC SERVER {quoted} OPTIONS ({mapping});\n\
             CREATE FOREIGN TABLE {} (slots text) SERVER {quoted} \
             OPTIONS (table_name 'open_ranges');\n\
             CREATE FOREIGN TABLE {} (slot integer, sku text, title text, price_cents bigint, \
             currency text, stock bigint, version bigint) SERVER {quoted} \
             OPTIONS (table_name 'owned_products');\n\
             CREATE FOREIGN TABLE {} (slot integer, take_id uuid, sku text, quantity bigint, \
             state text, price_cents bigint, currency text, made_at timestamptz) \
             SERVER {quoted} OPTIONS (table_name 'owned_takes');\n",
            options(server),
            table(name, "ranges"),
            table(name, "products"),
            table(name, "takes"),
        ));
    }
    script.push_str("COMMIT");
    script
}

fn options(server: &Config) -> String {
    let host = server.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(host) => Some(host.as_str()),
        #[cfg(unix)]
        Host::Unix(path) => path.to_str(),
    });
    let port = server.get_ports().first().copied().unwrap_or(5432);
    // All shards are asked at once, and a server that does not answer is given up after 2 s, the
    // least that libpq allows.
    format!(
        "host {}, port '{port}', dbname {}, async_capable 'true', connect_timeout '2', \
         fetch_size '1000'",
        literal(host.unwrap_or_default()),
        literal(server.get_dbname().unwrap_or_default()),
    )
}

/// The name of a shard's foreign table.
pub(super) fn table(shard: &str, of: &str) -> String {
    identifier(&format!("{shard} {of}"))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, as every setting of PostgreSQL reads it.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn names_and_passwords_cannot_break_out_of_the_script() {
        let mut server = Config::new();
        server.host("127.0.0.1").port(5441).user("shop").password("it's \\").dbname("shop");
        let servers: Arc<[Config]> = [server].into();
        let script = script(&[ShardAddress { name: "a\"b".to_owned(), servers }]);
        assert!(script.contains("password E'it''s \\\\'"), "{script}");
        assert!(script.contains("CREATE SERVER \"a\"\"b\" "), "{script}");
        assert!(script.contains("host E'127.0.0.1', port '5441'"), "{script}");
    }
}
