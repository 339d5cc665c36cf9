//! PostgreSQL without a service: pgbench that commits rows, one transaction each.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use standfast_engines::process::CommandSpec;
use standfast_engines::{Home, Tool, find};
use tokio_postgres::NoTls;

use crate::rig::Rig;

/// One row, as small as an order.
const SINGLE: &str = "INSERT INTO bench_rows (product_id, quantity) VALUES ('PROD-001', 5);\n";

/// All that the service writes of one order: its key, the order, its event.
const ORDER: &str = "\
BEGIN;
INSERT INTO bench_keys VALUES (gen_random_uuid()::text, 'hash', 201, 'the answer');
INSERT INTO bench_orders VALUES (gen_random_uuid(), 'PROD-001', 5);
INSERT INTO bench_outbox (order_id, payload) VALUES (gen_random_uuid(), 'the event');
END;
";

const TABLES: &str = "
CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, product_id text,
    quantity integer);
CREATE TABLE bench_keys (key text PRIMARY KEY, hash text, status smallint, response text);
CREATE TABLE bench_orders (id uuid PRIMARY KEY, product_id text, quantity integer);
CREATE TABLE bench_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id uuid,
    payload text);
";

/// What a transaction writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Single,
    Order,
}

pub(crate) struct Pgbench {
    program: PathBuf,
    url: String,
    folder: PathBuf,
}

impl Pgbench {
    /// Finds it beside the server, and makes its tables.
    pub(crate) async fn prepare(rig: &Rig) -> Result<Self> {
        let programs = find(Tool::Postgres, &Home::locate()?)?.path;
        let program = programs.join("pgbench");
        ensure!(program.is_file(), "{} is not there: it is the rival", program.display());
        let url = rig.instance.admin_url("postgres").context("PostgreSQL has no URL")?.to_owned();
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let row = client.query_one(&format!("SHOW {setting}"), &[]).await?;
            let value: String = row.try_get(0)?;
            ensure!(value == "on", "{setting} is {value}: nothing would be durable");
        }
        client.batch_execute(TABLES).await?;
        let folder = std::env::temp_dir().join(format!("bench-orders-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("single.sql"), SINGLE)?;
        fs::write(folder.join("order.sql"), ORDER)?;
        Ok(Self { program, url, folder })
    }

    /// Transactions per second of `clients` for `seconds`.
    pub(crate) async fn run(
        &self,
        rig: &Rig,
        script: Script,
        clients: usize,
        seconds: u32,
    ) -> Result<f64> {
        let file = match script {
            Script::Single => "single.sql",
            Script::Order => "order.sql",
        };
        let threads = clients.min(2);
        let words = format!("-n -M prepared -c {clients} -j {threads} -T {seconds} -f");
        let mut arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        arguments.push(self.folder.join(file).into());
        arguments.push((&self.url).into());
        let spec = CommandSpec::new("pgbench", &self.program).arguments(arguments);
        let deadline = Duration::from_secs(u64::from(seconds) + 30);
        let finished = rig.spawner.run(spec, deadline).await?;
        ensure!(finished.status.is_success(), "pgbench: {}", finished.complaint());
        let said = String::from_utf8_lossy(&finished.stdout);
        let rate = said.split("tps = ").nth(1).and_then(|rest| rest.split_whitespace().next());
        rate.and_then(|rate| rate.parse().ok()).with_context(|| format!("pgbench said: {said}"))
    }
}

impl Drop for Pgbench {
    fn drop(&mut self) {
        // What stays behind is two small files.
        drop(fs::remove_dir_all(&self.folder));
    }
}
