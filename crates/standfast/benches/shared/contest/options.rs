//! Who and what takes part, as a command line lists it.

use anyhow::{Result, bail};

use crate::stand::Contender;

/// The contenders whose names stand in `list`, after the one that all others are measured by.
pub(crate) fn contenders(list: &str, usage: &str) -> Result<Vec<Contender>> {
    let mut contenders = chosen(list, &Contender::ALL, Contender::name, usage)?;
    if !contenders.contains(&Contender::None) {
        contenders.insert(0, Contender::None);
    }
    Ok(contenders)
}

/// Those of `all` whose names stand in `list`, in the order of `all`.
pub(crate) fn chosen<T: Copy>(
    list: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    usage: &str,
) -> Result<Vec<T>> {
    let words: Vec<&str> = list.split(',').collect();
    for word in &words {
        if !all.iter().any(|one| name(*one) == *word) {
            bail!("`{word}` is unknown\n{usage}");
        }
    }
    Ok(all.iter().copied().filter(|one| words.contains(&name(*one))).collect())
}
