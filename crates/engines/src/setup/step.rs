//! One command of a plan.

use std::fmt;

/// A command, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does, for a line of progress.
    pub title: String,
    /// The program and its arguments, `sudo` included where it is needed.
    pub argv: Vec<String>,
    /// Whether it needs to be run by root.
    pub needs_root: bool,
    /// Whether it undoes an earlier step, and so is run even when one in between fails.
    pub undoes: bool,
    /// What to do instead when it fails.
    pub otherwise: Vec<Step>,
}

impl Step {
    pub(super) fn new(title: &str, argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            title: title.to_owned(),
            argv: argv.into_iter().map(Into::into).collect(),
            needs_root: false,
            undoes: false,
            otherwise: Vec::new(),
        }
    }

    pub(super) fn by_root(mut self) -> Self {
        self.needs_root = true;
        self
    }

    pub(super) fn undoing(mut self) -> Self {
        self.undoes = true;
        self
    }
}

impl fmt::Display for Step {
    /// As one would type it into a shell.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.argv.iter().map(|word| quoted(word)).collect();
        formatter.write_str(&words.join(" "))
    }
}

fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:+,@".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_step_can_be_typed_as_it_is() {
        let step = Step::new("say", ["echo", "it's", "", "a=b"]);
        assert_eq!(step.to_string(), r"echo 'it'\''s' '' a=b");
    }
}
