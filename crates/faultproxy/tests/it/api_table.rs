//! Every answer of Toxiproxy 2.12.0 to some 370 requests, as it was recorded, given by ours too.
//!
//! The scenes are in `toxiproxy/`. `>` begins a request and `>>` a header of it, `<` an answer with
//! the headers that matter and then its body, where `⏎` is a line feed. Where ours differs on
//! purpose, `!` says why, and our answer follows. `{busy}` is a port that is taken and `{free}` one
//! that is not; `PORT` is one that the machine chose.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panicking, as tests do")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use standfast_engines::process::is_port_free;

use crate::api_server::{Answer, Request, Server};

/// Fewer than these were recorded would mean that some are not found any more.
const REQUESTS_MIN: usize = 370;

/// Ports that requests name.
struct Ports {
    busy: String,
    free: String,
    _holder: TcpListener,
}

impl Ports {
    fn new() -> Self {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let busy = holder.local_addr().unwrap().port().to_string();
        // Below those that the machine gives to others, and elsewhere for each test process.
        let from = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
        let free = (from..32_000).find(|port| is_port_free(*port)).unwrap().to_string();
        Self { busy, free, _holder: holder }
    }

    fn fill_in(&self, text: &str) -> String {
        text.replace("{busy}", &self.busy).replace("{free}", &self.free)
    }

    fn take_out(&self, text: &str) -> String {
        let mut rest = text.replace(&self.busy, "{busy}").replace(&self.free, "{free}");
        let mut taken_out = String::new();
        for host in ["127.0.0.1:", "[::]:", "0.0.0.0:"] {
            taken_out.clear();
            while let Some(at) = rest.find(host) {
                let (before, after) = rest.split_at(at + host.len());
                taken_out.push_str(before);
                let digits = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0);
                // Shorter ones are written in the requests themselves.
                taken_out.push_str(if digits >= 4 { "PORT" } else { &after[..digits] });
                rest = after[digits..].to_owned();
            }
            taken_out.push_str(&rest);
            rest.clone_from(&taken_out);
        }
        rest
    }
}

/// One request and the answer that ours should give.
struct Exchange {
    written: String,
    request: Request,
    expected: String,
}

fn exchanges(scene: &str, ports: &Ports) -> Vec<Exchange> {
    let blocks = scene.split("\n\n").filter(|block| block.starts_with("> "));
    blocks.map(|block| exchange(block, ports)).collect()
}

fn exchange(block: &str, ports: &Ports) -> Exchange {
    let (request, answers) = block.split_once("\n< ").unwrap();
    let mut lines = request.lines();
    let written = lines.next().unwrap().strip_prefix("> ").unwrap();
    let mut words = written.splitn(3, ' ');
    let mut word = || ports.fill_in(words.next().unwrap_or_default());
    let (method, path, body) = (word(), word(), unescaped(&word()));
    let header = |line: &str| {
        let (name, value) = line.strip_prefix(">> ").unwrap().split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    let headers = lines.map(header).collect();
    // Ours is the last one, after the reason.
    let expected = answers.rsplit_once("\n< ").map_or(answers, |(_, ours)| ours);
    let expected = expected.trim_end_matches('\n').to_owned();
    Exchange {
        written: written.to_owned(),
        request: Request { method, path, headers, body },
        expected,
    }
}

/// A body whose `\xff` are bytes.
fn unescaped(written: &str) -> Vec<u8> {
    let mut parts = written.split(r"\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_owned();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

/// An answer as it is written in a scene.
fn written(answer: &Answer, ports: &Ports) -> String {
    let mut words = vec![answer.status.to_string()];
    let value = |name| answer.header(name).map(str::to_owned);
    words.extend(value("content-type"));
    words.extend(value("x-content-type-options"));
    words.extend(value("x-toxiproxy-request-id").map(|_id| "id".to_owned()));
    words.extend(value("location").map(|target| format!("Location: {target}")));
    let body = ports.take_out(&answer.body).replace('\n', "⏎");
    let head = words.join(" | ");
    if body.is_empty() { head } else { format!("{head}\n{body}") }
}

fn scenes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/toxiproxy");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_recorded_answer_of_toxiproxy_is_ours_as_well() {
    let mut asked = 0;
    let mut differences = Vec::new();
    for scene in scenes() {
        let server = Server::start().await;
        let ports = Ports::new();
        for exchange in exchanges(&fs::read_to_string(&scene).unwrap(), &ports) {
            asked += 1;
            let answer = written(&server.ask(&exchange.request).await, &ports);
            let Exchange { written, expected, .. } = exchange;
            if answer != expected {
                let name = scene.file_name().unwrap().to_string_lossy();
                differences.push(format!("{name}: {written}\n  {expected}\n  but {answer}\n"));
            }
        }
        server.stop().await;
    }
    assert!(differences.is_empty(), "{}", differences.concat());
    assert!(asked >= REQUESTS_MIN, "only {asked} requests were found");
}
