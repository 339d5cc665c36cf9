//! MariaDB and MySQL in a system: scripts, replicas, and roles that a service decides on.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use standfast_failover::actuator::wire::{Answer, Rejoining, Request};
use standfast_lab::instance::{Data, Instance, ProcessState};

use crate::instance_actuator::ask;
use crate::instance_bench::{Bench, state, wait_until};

/// Roles of the first cluster are decided by the test, in the name of `watchdog`.
const SHOP: &str = r#"name = "shop"
title = "A shop on two databases"
[engine.stock-a]
kind = "mariadb"
port = 3306
database = "stock"
user = "stock"
init = ["schema.sql"]
variables = { first = "a table" }
managed_by = "watchdog"
[engine.stock-b]
kind = "mariadb"
port = 3307
replica_of = "stock-a"
managed_by = "watchdog"
[engine.reports-a]
kind = "mysql"
port = 3308
database = "reports"
user = "reports"
init = ["schema.sql"]
variables = { first = "a chair" }
[engine.reports-b]
kind = "mysql"
port = 3309
replica_of = "reports-a"
[service.watchdog]
run = ["sleep", "600"]
actuates = ["stock-a", "stock-b"]
env = { STOCK = "{stock-a.url}" }
"#;

const SCHEMA: &str = "CREATE TABLE kept (id int AUTO_INCREMENT PRIMARY KEY, name varchar(20));\n\
    INSERT INTO kept (name) SELECT @standfast_first;\n";

async fn connect(url: &str) -> Conn {
    let options = OptsBuilder::from_opts(Opts::from_url(url).unwrap()).prefer_socket(false);
    Conn::new(options).await.unwrap()
}

async fn run(instance: &Instance, node: &str, statements: &[&str]) {
    let mut admin = connect(instance.admin_url(node).unwrap()).await;
    for statement in statements {
        admin.query_drop(*statement).await.unwrap();
    }
}

async fn names(instance: &Instance, node: &str) -> Vec<String> {
    let mut admin = connect(instance.admin_url(node).unwrap()).await;
    admin.query("SELECT name FROM kept ORDER BY id").await.unwrap_or_default()
}

async fn comes_to_have(instance: &Instance, node: &str, expected: &[&str]) {
    wait_until("the rows are there", async || names(instance, node).await == expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_are_filled_replicated_and_one_of_them_is_failed_over() {
    let bench = Bench::with_files(SHOP, &[("schema.sql", SCHEMA)]);
    let (instance, _events) = bench.up("shop").await;
    let url = instance.url("stock-a").unwrap();
    assert!(url.starts_with("mysql://stock:") && url.ends_with("/stock"), "{url}");
    run(&instance, "reports-a", &["INSERT INTO kept (name) VALUES ('a lamp')"]).await;
    comes_to_have(&instance, "reports-b", &["a chair", "a lamp"]).await;

    run(&instance, "stock-a", &["SET GLOBAL read_only = OFF"]).await;
    run(&instance, "stock-a", &["INSERT INTO kept (name) VALUES ('a shelf')"]).await;
    comes_to_have(&instance, "stock-b", &["a table", "a shelf"]).await;
    let fenced = ask(&instance, &Request::Fence { node: "stock-a".to_owned() }).await;
    assert!(matches!(fenced, Answer::Fenced { .. }), "{fenced:?}");
    assert_eq!(state(&instance, "stock-a"), ProcessState::Fenced);
    let promote = ["STOP SLAVE", "RESET SLAVE ALL", "SET GLOBAL read_only = OFF"];
    run(&instance, "stock-b", &promote).await;
    run(&instance, "stock-b", &["INSERT INTO kept (name) VALUES ('a bed')"]).await;
    let (node, from) = ("stock-a".to_owned(), "stock-b".to_owned());
    let rejoined = ask(&instance, &Request::Rejoin { node, from }).await;
    // What was acknowledged in the very last moment may be taken back, and comes again.
    let own = [Rejoining::Replayed, Rejoining::Rewound].map(|how| Answer::Rejoined { how });
    assert!(own.contains(&rejoined), "{rejoined:?}");
    comes_to_have(&instance, "stock-a", &["a table", "a shelf", "a bed"]).await;
    instance.shutdown(Data::Keep).await.unwrap();
}
