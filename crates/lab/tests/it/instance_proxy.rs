//! Proxies in a system: Nginx in front of services, as its file says.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use standfast_lab::instance::{Data, Instance, ProcessState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::instance_bench::{Bench, SHOP, state, wait_until};

const GATEWAY: &str = r#"[engine.gateway]
kind = "nginx"
port = 8080
config = "nginx.conf"
"#;

const NGINX: &str = "events {}
http {
  access_log off;
  client_body_temp_path {dir}/body;
  server {
    listen {host}:{port};
    location / { proxy_pass {web.url}; }
  }
}
";

/// The last line of what the gateway answers.
async fn ask(instance: &Instance) -> Option<String> {
    let address = instance.url("gateway").unwrap().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.lines().last().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_told_where_services_are_and_is_back_by_itself() {
    let bench = Bench::with_files(&format!("{SHOP}{GATEWAY}"), &[("nginx.conf", NGINX)]);
    let (instance, mut events) = bench.up("gateway").await;
    assert_eq!(ask(&instance).await.as_deref(), Some("hello"));
    let pid = instance.pid("gateway").unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.cast_signed()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    events.wait("restarted", "gateway").await;
    wait_until("the gateway is ready", async || state(&instance, "gateway") == ProcessState::Ready)
        .await;
    assert_eq!(ask(&instance).await.as_deref(), Some("hello"));
    // Brought up again, it finds its service on the port that that has then.
    instance.shutdown(Data::Keep).await.unwrap();
    let (instance, _events) = bench.up("gateway").await;
    assert_eq!(ask(&instance).await.as_deref(), Some("hello"));
    instance.shutdown(Data::Delete).await.unwrap();
}
