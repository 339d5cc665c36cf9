//! The only place that prints: results to standard output, all else to standard error.

#![expect(clippy::exit, reason = "one way out at once must exist, and it is kept here")]

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::exit::Failure;

/// A result: what scripts read.
pub(crate) fn result(text: impl std::fmt::Display) {
    // A reader that went away (`standfast list | head -1`) is no reason to panic.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A result as JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => result(text),
        Err(error) => note(format!("standfast: the result is no JSON: {error}")),
    }
}

/// Progress and explanation: what people read.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// An error with all its causes, each on its own line.
pub(crate) fn failure(failure: &Failure) {
    note(format!("standfast: {}", failure.cause));
    let mut last = failure.cause.to_string();
    for cause in failure.cause.chain().skip(1) {
        let text = cause.to_string();
        // Wrapped errors often repeat what they wrap.
        if !last.contains(&text) {
            note(format!("  because: {text}"));
        }
        last = text;
    }
}

/// Whether a person watches the progress: a terminal, and no continuous integration.
pub(crate) fn is_watched() -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    std::io::stderr().is_terminal() && !is_ci
}

/// Whether a person can answer a question.
pub(crate) fn can_ask() -> bool {
    is_watched() && std::io::stdin().is_terminal()
}

/// Whether results may be coloured (<https://no-color.org>).
pub(crate) fn is_coloured() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !forbidden
}

/// Asks a question that can be answered by yes or no; anything else is a no.
pub(crate) fn confirm(question: &str) -> bool {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Ends the process at once: what is still running is the guardian's.
pub(crate) fn leave(exit: crate::exit::Exit) -> ! {
    std::process::exit(exit as i32)
}

/// How a word is meant, beside what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
}

/// Colours a word of a result where colour is wanted; the word itself says the same.
pub(crate) fn toned(text: &str, tone: Tone) -> String {
    if !is_coloured() {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => 32,
        Tone::Doubtful => 33,
        Tone::Bad => 31,
    };
    format!("\x1b[1;{code}m{text}\x1b[0m")
}

/// A table that fits the terminal; plain columns where there is none.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    table
}
