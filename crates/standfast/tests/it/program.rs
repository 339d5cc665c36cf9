//! Starts the binary as a shell would, with a deadline.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail by panicking, as tests do")]

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use standfast_engines::process::{ProcessId, Signal};
use standfast_engines::wait_until;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::place::Place;

/// Includes a template that is made on a busy machine; nothing that works takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The same, if it ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        let (stdout, stderr) = (&self.stdout, &self.stderr);
        assert!(stdout.contains(part) || stderr.contains(part), "no `{part}`: {stdout}\n{stderr}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let read = serde_json::from_str(&self.stdout);
        read.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// A command that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) id: ProcessId,
    output: [(Arc<Mutex<String>>, JoinHandle<()>); 2],
}

impl Place {
    /// Runs `standfast` to its end.
    pub(crate) async fn standfast(&self, words: &[&str]) -> Finished {
        self.start(words).end().await
    }

    /// The same for a command that must succeed.
    pub(crate) async fn must(&self, words: &[&str]) -> Finished {
        self.standfast(words).await.exits(0)
    }

    /// Starts `standfast`, which is killed when the answer is dropped.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_standfast"));
        Running::of(command.args(words))
    }

    /// A program in the environment of this place.
    #[expect(clippy::disallowed_methods, reason = "a test starts the binary as a shell does")]
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.directory())
            .env("STANDFAST_HOME", self.home().root())
            // Whether a person watches must not depend on where the tests run.
            .env("CI", "true")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let id = ProcessId::of(child.id().unwrap()).unwrap();
        let output = [collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap())];
        Self { child, id, output }
    }

    /// Waits until it has printed `text`.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        let [stdout, stderr] = [0, 1].map(|stream: usize| Arc::clone(&self.output[stream].0));
        let has_it = || async {
            let is_in = |stream: &Mutex<String>| stream.lock().unwrap().contains(text);
            (is_in(&stdout) || is_in(&stderr)).then_some(())
        };
        let seen = tokio::select! {
            seen = wait_until(PATIENCE, has_it) => seen,
            ended = self.child.wait() => panic!(
                "{ended:?} before `{text}`: {}\n{}", stdout.lock().unwrap(), stderr.lock().unwrap(),
            ),
        };
        assert!(seen.is_some(), "never `{text}`: {}", stderr.lock().unwrap());
    }

    /// Waits until it has told so many lines of JSON on standard error, and answers them; nothing
    /// when it has ended with fewer.
    pub(crate) async fn until_lines(&mut self, count: usize) -> Option<String> {
        let stderr = Arc::clone(&self.output[1].0);
        let told = || {
            let text = stderr.lock().unwrap();
            let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let lines: Vec<&str> = whole.filter(|line| line.starts_with('{')).take(count).collect();
            (lines.len() == count).then(|| lines.concat())
        };
        tokio::select! {
            told = wait_until(PATIENCE, async || told()) => told,
            _ = self.child.wait() => None,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        assert!(self.is_signalled(signal), "it has ended already");
    }

    /// Signals it unless it has ended; answers whether it had not.
    pub(crate) fn is_signalled(&self, signal: Signal) -> bool {
        self.id.signal(signal)
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Finished {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status: ExitStatus = status.expect("it ends in time").unwrap();
        let mut texts = Vec::new();
        for (text, reader) in self.output {
            // A child that lives on and holds the stream would block a shell's pipe as well.
            let read = tokio::time::timeout(PATIENCE, reader).await;
            read.expect("nobody holds its streams any more").unwrap();
            texts.push(text.lock().unwrap().clone());
        }
        let [stdout, stderr] = <[String; 2]>::try_from(texts).unwrap();
        Finished { code: status.code(), stdout, stderr }
    }
}

fn collect(
    mut stream: impl AsyncRead + Unpin + Send + 'static,
) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&text);
    let reader = tokio::spawn(async move {
        let mut chunk = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    });
    (text, reader)
}
