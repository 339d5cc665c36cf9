//! `standfast failover` as a user starts it: its words, its exit codes, and a pair of real
//! PostgreSQL servers that it did not start.

use standfast_engines::process::Signal;

use crate::place::{Place, free_ports};
use crate::program::Running;

/// The example as it is shipped.
const EXAMPLE: [(&str, &str); 5] = [
    ("cluster.toml", include_str!("../../../../examples/postgres-pair/cluster.toml")),
    ("ports.env", include_str!("../../../../examples/postgres-pair/ports.env")),
    ("servers.sh", include_str!("../../../../examples/postgres-pair/servers.sh")),
    ("actuator.sh", include_str!("../../../../examples/postgres-pair/actuator.sh")),
    ("pair.sh", include_str!("../../../../examples/postgres-pair/pair.sh")),
];

/// The example in a folder of its own, with this changed in its `cluster.toml`.
fn example(place: &Place, change: (&str, &str)) {
    use std::os::unix::fs::PermissionsExt;
    let ports = free_ports(3);
    for (name, text) in EXAMPLE {
        let mut text = text.to_owned();
        for (index, shipped) in ["17430", "17431", "17432"].into_iter().enumerate() {
            text = text.replace(shipped, &(usize::from(ports) + index).to_string());
        }
        if name == "cluster.toml" {
            assert!(text.contains(change.0), "nothing to change: {}", change.0);
            text = text.replacen(change.0, change.1, 1);
        }
        let path = place.write(&format!("pair/{name}"), &text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).expect("the file was just written");
    }
}

#[tokio::test]
async fn without_a_watchdog_it_is_3_and_with_a_mistake_it_is_2() {
    let place = Place::new().await;
    example(&place, ("orders", "orders"));
    for (words, code, part) in [
        (vec!["status"], 3, "no instance is up"),
        (vec!["status", "--instance", "nobody"], 2, "there is no instance `nobody`"),
        (vec!["status", "--socket", "no.sock"], 3, "no watchdog answers at no.sock"),
        (vec!["status", "--config", "pair/cluster.toml"], 3, "no watchdog answers"),
        (vec!["status", "--config", "nothing.toml"], 2, "nothing.toml"),
        (vec!["status", "--socket", "a", "--config", "b"], 2, "cannot be used with"),
        (vec!["promote", "orders", "orders-b"], 2, "--allow-data-loss"),
        (vec!["reintegrate", "orders"], 2, "<NODE>"),
        (vec!["switchover", "--within", "10"], 2, "has no unit"),
    ] {
        let words: Vec<&str> = ["failover"].into_iter().chain(words).collect();
        place.standfast(&words).await.exits(code).says(part);
    }
}

#[tokio::test]
async fn a_mistake_in_a_cluster_s_file_is_2_with_its_line_and_what_was_meant() {
    for (change, parts) in [
        (("engine =", "engin ="), &["cluster.toml:4", "did you mean `engine`"][..]),
        (("\"postgres\"", "\"postgre\""), &["cluster.toml:4", "did you mean `postgres`"]),
        (("backend =", "backnd ="), &["cluster.toml:9", "did you mean `backend`"]),
        (("./actuator.sh", "./missing.sh"), &["cluster.toml:12", "missing.sh"]),
        (("name = \"orders-b\"", "name = \"orders-a\""), &["cluster.toml:20", "another one"]),
        (("url = \"postgresql", "url = \"http"), &["cluster.toml:16", "postgresql://"]),
        (
            ("[router]", "primary = \"orders-c\"\n[router]"),
            &["cluster.toml:7", "did you mean `orders-"],
        ),
        (("\"automatic\"", "\"manually\""), &["cluster.toml:26", "did you mean `manual`"]),
    ] {
        let place = Place::new().await;
        example(&place, change);
        let words = ["failover", "watch", "--config", "pair/cluster.toml"];
        let mut finished = place.standfast(&words).await.exits(2);
        for part in parts {
            finished = finished.says(part);
        }
    }
}

/// A pair that is up; its servers die with the place.
async fn pair(place: &Place, verb: &str) {
    let mut command = place.command("bash");
    command.args(["pair/pair.sh", verb]);
    Running::of(&mut command).end().await.exits(0);
}

async fn failover(place: &Place, words: &[&str], code: i32) -> crate::program::Finished {
    let words = [&["failover"], words, &["--config", "pair/cluster.toml"]].concat();
    place.standfast(&words).await.exits(code)
}

#[tokio::test]
async fn a_pair_that_somebody_else_started_changes_its_primary_and_takes_it_back() {
    let place = Place::new().await;
    example(&place, ("\"automatic\"", "\"manual\""));
    pair(&place, "up").await;
    let mut watchdog = place.start(&["failover", "watch", "--config", "pair/cluster.toml"]);
    watchdog.wait_for("\"event\":\"insync\"").await;

    let status = failover(&place, &["status", "orders", "--json"], 0).await.json();
    assert_eq!(status["primary"], "orders-a");
    assert_eq!(status["safe"][0], "orders-b");
    failover(&place, &["status"], 0).await.says("clients go to orders-a");
    failover(&place, &["playbook"], 0).await.says("pg_rewind --target-pgdata=");
    failover(&place, &["status", "stock"], 3).await.says("those that do watch orders");
    failover(&place, &["switchover", "--to", "orders-c"], 2).await.says("did you mean");
    let second = ["failover", "watch", "--config", "pair/cluster.toml"];
    place.standfast(&second).await.exits(3).says("answers at");

    let switched = failover(&place, &["switchover", "orders"], 0).await;
    switched.says("promoted").says("orders-b is primary of orders in epoch 2");
    // The old primary waits for a command: until it is back, nobody can take over.
    failover(&place, &["status"], 0).await.says("fenced");
    failover(&place, &["switchover", "orders"], 1).await.says("no replica is sure");
    let forced = ["promote", "orders", "orders-a", "--allow-data-loss", "--yes"];
    failover(&place, &forced, 1).await.says("start it first");
    let back = failover(&place, &["reintegrate", "orders", "orders-a"], 0).await;
    back.says("orders-a follows orders-b and is in sync");
    let asked = ["promote", "orders", "orders-a", "--allow-data-loss"];
    failover(&place, &asked, 2).await.says("--yes");

    watchdog.signal(Signal::SIGTERM);
    watchdog.end().await.exits(0);
    failover(&place, &["status"], 3).await;
    pair(&place, "down").await;
}
