//! Finds the word that was probably meant.

/// Jaro-Winkler similarity below which a suggestion confuses more than it helps.
const SIMILARITY_MIN: f64 = 0.8;

/// The one of `known` that is nearest to `word`, when one is near enough.
pub(crate) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}
