//! `standfast proxy` as its users start it: stock clients, a configuration, a busy port.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use standfast_engines::process::Signal;
use standfast_engines::{Home, Tool, find};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http;
use crate::place::{Place, free_ports};
use crate::program::Running;

/// What the server says when it can be talked to.
const READY: &str = "ours below /standfast/v1/";

/// A server that echoes, until the test ends.
async fn echoing() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut reader, mut writer) = stream.split();
                // A client may reset it: that is what it is there for.
                drop(tokio::io::copy(&mut reader, &mut writer).await);
            });
        }
    });
    (address, tasks)
}

async fn serving(place: &Place, more: &[&str]) -> (u16, Running) {
    let port = free_ports(1);
    let listen = format!("127.0.0.1:{port}");
    let mut running = place.start(&[&["proxy", "--listen", &listen], more].concat());
    running.wait_for(READY).await;
    (port, running)
}

async fn stops(running: Running) {
    running.signal(Signal::SIGTERM);
    running.end().await.exits(0);
}

/// Runs a script that drives a stock client.
async fn check(script: &str, content: &str) {
    let clients = find(Tool::ToxiproxyClients, &Home::locate().unwrap());
    let launcher = clients.unwrap_or_else(|missing| panic!("{missing}")).path;
    let place = Place::new().await;
    let (port, running) = serving(&place, &[]).await;
    let (upstream, _echoing) = echoing().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stock_clients").join(script);
    let mut command = place.command(launcher.to_str().unwrap());
    command.arg(script).args([port, upstream.port()].map(|port| port.to_string()));
    Running::of(&mut command).end().await.exits(0).says(content);
    stops(running).await;
}

#[tokio::test]
async fn toxiproxy_python_does_not_notice_another_server() {
    check("toxiproxy_python.py", "toxiproxy-python is content").await;
}

#[tokio::test]
async fn chaostoolkit_toxiproxy_does_not_notice_another_server() {
    check("chaostoolkit.py", "chaostoolkit-toxiproxy is content").await;
}

#[tokio::test]
async fn toxics_of_the_configuration_are_in_force_from_the_start() {
    let place = Place::new().await;
    let (upstream, _echoing) = echoing().await;
    let listen = format!("127.0.0.1:{}", free_ports(1));
    let toxic = r#"{"type": "limit_data", "attributes": {"bytes": 3}}"#;
    let addresses = format!(r#""listen": "{listen}", "upstream": "{upstream}""#);
    let config = format!(r#"[{{"name": "echo", {addresses}, "toxics": [{toxic}]}}]"#);
    place.write("proxies.json", &config);
    let (port, mut running) = serving(&place, &["--config", "proxies.json", "--seed", "5"]).await;
    running.wait_for(&format!("proxy `echo`: {listen} -> {upstream}, 1 toxic")).await;
    let mut stream = TcpStream::connect(&listen).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"hel");
    let seed = http::get(port, "/standfast/v1/seed").await.unwrap();
    assert_eq!(seed.json()["seed"], 5);
    stops(running).await;
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_2_before_any_port_is_bound() {
    let place = Place::new().await;
    let proxy = r#"{"name": "a", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0""#;
    for (text, part) in [
        ("[\n {\"name\": }\n]".to_owned(), "bad.json:2:11: invalid character '}'"),
        (format!("[{proxy}, \"toxcs\": []}}]"), "proxy `a`: unknown key `toxcs`"),
        (format!("[{proxy}, \"toxics\": [{{\"type\": \"lag\"}}]}}]"), "invalid toxic type `lag`"),
        ("[{\"name\":\"a\",\"upstream\":\"b\",\"listen\":\"here\"}]".to_owned(), "missing port"),
    ] {
        place.write("bad.json", &text);
        let words = ["proxy", "--listen", "127.0.0.1:0", "--config", "bad.json"];
        let finished = place.standfast(&words).await.exits(2).says(part);
        assert!(!finished.stderr.contains(READY), "{}", finished.stderr);
    }
    let words = ["proxy", "--config", "nowhere.json"];
    place.standfast(&words).await.exits(2).says("nowhere.json");
    place.standfast(&["proxy", "--listen", "nonsense"]).await.exits(2).says("nonsense");
}

#[tokio::test]
async fn a_busy_port_is_3_and_names_its_holder() {
    let place = Place::new().await;
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let busy = holder.local_addr().unwrap().to_string();
    let held = format!("held by pid {}", std::process::id());
    place.standfast(&["proxy", "--listen", &busy]).await.exits(3).says(&held);

    let config = format!(r#"[{{"name": "a", "listen": "{busy}", "upstream": "127.0.0.1:1"}}]"#);
    place.write("busy.json", &config);
    let words = ["proxy", "--listen", "127.0.0.1:0", "--config", "busy.json"];
    let finished = place.standfast(&words).await.exits(3).says(&held);
    finished.says("proxy `a`: listen tcp").says("bind: address already in use");
}
