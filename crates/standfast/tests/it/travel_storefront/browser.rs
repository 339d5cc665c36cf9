//! Chromium as a visitor of a page, over the pipe of its `DevTools` protocol.
//!
//! A pipe needs neither a port nor a WebSocket, and Chromium goes when it is closed: whoever kills
//! the test leaves no browser behind.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use standfast_engines::wait_until;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;

use crate::place::Place;

/// A cold start beside a build, or a service that comes back: it only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// The protocol is spoken on the file descriptors 3 and 4.
const ON_A_PIPE: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// Calls of what `page.js` defines.
const VISITOR: &str = include_str!("page.js");

/// How wide a page is shown, and in which colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) scheme: &'static str,
}

/// A browser with one page.
#[derive(Debug)]
pub(super) struct Browser {
    child: Child,
    connection: Mutex<Connection>,
}

#[derive(Debug)]
struct Connection {
    into: ChildStdin,
    from: BufReader<ChildStdout>,
    asked: u64,
    /// The page's, as soon as we are attached to it.
    session: Option<Value>,
    /// What no script of the page has caught.
    exceptions: Vec<String>,
}

impl Connection {
    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut command = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = session.clone();
        }
        self.into.write_all(format!("{command}\0").as_bytes()).await.unwrap();
        loop {
            let mut message = Vec::new();
            let read = tokio::time::timeout(PATIENCE, self.from.read_until(0, &mut message)).await;
            read.unwrap_or_else(|_elapsed| panic!("no answer to {method}")).unwrap();
            assert_eq!(message.pop(), Some(0), "Chromium is gone before it answers {method}");
            let mut message: Value = serde_json::from_slice(&message).unwrap();
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            if message["method"] == "Runtime.exceptionThrown" {
                self.exceptions.push(message["params"].to_string());
            }
        }
    }
}

impl Browser {
    /// Starts `chromium` with an empty page, on which `script` will run before those of a page.
    pub(super) async fn start(place: &Place, chromium: &Path, script: &str) -> Self {
        let home = place.directory().join("browser");
        std::fs::create_dir(&home).unwrap();
        let mut command = place.command("sh");
        command
            .args(["-c", ON_A_PIPE])
            .arg(chromium)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", home.join("profile").display()))
            .arg("about:blank")
            .env("HOME", &home)
            .stdin(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let into = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let (asked, session, exceptions) = (0, None, Vec::new());
        let mut connection = Connection { into, from, asked, session, exceptions };
        let target = connection.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = connection.ask("Target.attachToTarget", target).await;
        connection.session = Some(attached["sessionId"].clone());
        for domain in ["Page.enable", "Runtime.enable"] {
            connection.ask(domain, json!({})).await;
        }
        connection.ask("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        let source = [script, VISITOR].join("\n");
        let source = json!({ "source": source });
        connection.ask("Page.addScriptToEvaluateOnNewDocument", source).await;
        Self { child, connection: Mutex::new(connection) }
    }

    async fn ask(&self, method: &str, parameters: Value) -> Value {
        self.connection.lock().await.ask(method, parameters).await
    }

    pub(super) async fn open(&self, url: &str) {
        self.ask("Page.navigate", json!({ "url": url })).await;
    }

    /// What an expression comes to, or what it throws.
    async fn evaluate(&self, expression: &str) -> Result<Value, String> {
        let how = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", how).await;
        let thrown = &answer["exceptionDetails"];
        if thrown.is_null() {
            Ok(answer["result"]["value"].take())
        } else {
            Err(thrown.to_string())
        }
    }

    /// Calls one of the visitor's functions.
    pub(super) async fn visitor<const N: usize>(&self, name: &str, arguments: [Value; N]) -> Value {
        let arguments = arguments.map(|argument| argument.to_string()).join(", ");
        let call = format!("visitor.{name}({arguments})");
        let answer = self.evaluate(&call).await;
        answer.unwrap_or_else(|thrown| panic!("{call}: {thrown}"))
    }

    /// Waits until one of the visitor's functions says yes.
    async fn until<const N: usize>(&self, name: &str, arguments: [Value; N]) {
        let arguments = arguments.map(|argument| argument.to_string()).join(", ");
        let call = format!("visitor.{name}({arguments})");
        let seen = wait_until(PATIENCE, || async {
            (self.evaluate(&call).await == Ok(json!(true))).then_some(())
        });
        if seen.await.is_none() {
            panic!("never {call}: {:?}", self.evaluate("document.body.innerText").await);
        }
    }

    /// Waits until this can be read.
    pub(super) async fn reads(&self, text: &str) {
        self.until("reads", [json!(text)]).await;
    }

    /// Waits until a view is shown.
    pub(super) async fn is_at(&self, title: &str) {
        self.until("isAt", [json!(title)]).await;
    }

    pub(super) async fn fill(&self, name: &str, value: &str) {
        self.visitor("fill", [json!(name), json!(value)]).await;
    }

    /// Presses a button or a link in what a selector names.
    pub(super) async fn press(&self, place: &str, text: &str) {
        self.visitor("press", [json!(place), json!(text)]).await;
    }

    /// Shows the page in another way.
    pub(super) async fn look(&self, look: Look) {
        let Look { width, scheme } = look;
        let metrics = json!({
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await;
        let colours = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": colours })).await;
        self.until("looks", [json!(width), json!(scheme)]).await;
    }

    /// Ends it, and answers what no script of the page has caught.
    pub(super) async fn close(mut self) -> Vec<String> {
        self.ask("Browser.close", json!({})).await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("Chromium ends").unwrap();
        self.connection.into_inner().exceptions
    }
}
