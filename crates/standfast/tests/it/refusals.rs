//! The code with which a supervisor refuses: a mistake, a fault without effect, what does not come
//! up and what was not restored are told apart by it.

use std::net::TcpListener;

use crate::cli::shop;
use crate::place::{Place, free_ports};
use crate::processes;

/// A shop that is up, and the port of its web server.
async fn open_shop(name: &str) -> (Place, u16) {
    let place = shop(&[]).await;
    let base = free_ports(2);
    let port = base.to_string();
    place.must(&["up", "shop", "-d", "--name", name, "--port-base", &port]).await;
    (place, base)
}

#[tokio::test]
async fn a_fault_without_effect_is_4_and_an_impossible_one_is_2() {
    let (place, _) = open_shop("faults").await;
    let empty = place.standfast(&["fault", "flush", "--target", "cache"]).await;
    empty.exits(4).says("it held no keys");
    place.must(&["stop", "web"]).await;
    place.standfast(&["fault", "kill", "--target", "web"]).await.exits(4).says("not running");
    let misspelt = place.standfast(&["fault", "kill", "--target", "wbe"]).await;
    misspelt.exits(2).says("did you mean `web`?");
    place.standfast(&["fault", "flush", "--target", "web"]).await.exits(2);
    place.must(&["down", "--data"]).await;
}

#[tokio::test]
async fn what_does_not_come_up_is_3_and_what_is_not_restored_is_5() {
    let (place, port) = open_shop("ports").await;
    place.must(&["fault", "stop", "--target", "web"]).await;
    let held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    place.standfast(&["fault", "clear"]).await.exits(5).says("was not restored after stop");
    place.must(&["stop", "web"]).await;
    place.standfast(&["start", "web"]).await.exits(3).says("is held by");
    place.standfast(&["start", "wbe"]).await.exits(2).says("did you mean `web`?");
    drop(held);
    place.must(&["start", "web"]).await;
    place.must(&["down", "--data"]).await;
}

#[tokio::test]
async fn one_process_of_a_stopped_system_does_not_bring_up_all_of_it() {
    let (place, _) = open_shop("whole").await;
    place.must(&["stop"]).await;
    processes::wait_until_none(&place).await;
    for words in [["start", "wbe"], ["start", "web"], ["restart", "web"]] {
        let refused = place.standfast(&words).await.exits(2);
        refused.says("`whole` is stopped as a whole").says("standfast start --instance whole");
    }
    assert_eq!(processes::of(place.as_ref()).len(), 0, "nothing came up");
    place.must(&["down", "--data"]).await;
}

#[tokio::test]
async fn an_instance_that_is_up_with_other_options_is_not_taken_for_the_one_that_is_asked_for() {
    let (place, port) = open_shop("other").await;
    let port = port.to_string();
    let up = ["up", "shop", "-d", "--name", "other"];
    place.must(&up).await.says("is up already");
    place.must(&[&up[..], &["--port-base", &port]].concat()).await.says("is up already");
    for more in [&["--without", "politeness"][..], &["--direct"], &["--port-base", "10900"]] {
        let refused = place.standfast(&[&up[..], more].concat()).await.exits(2);
        refused.says("is up with other options").says("standfast down --instance other");
    }
    place.must(&["down", "--data"]).await;
}
