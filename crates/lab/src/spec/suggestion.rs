//! Finds the word that was probably meant.

/// Jaro-Winkler similarity below which a suggestion confuses more than it helps.
const SIMILARITY_MIN: f64 = 0.8;

/// The one of `known` that is nearest to `word`, when one is near enough.
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    let candidates = known.into_iter().map(|candidate| {
        let edits = strsim::damerau_levenshtein(word, candidate);
        (edits, strsim::jaro_winkler(word, candidate), candidate)
    });
    candidates
        // In a short word one slip of the finger changes much of it.
        .filter(|(edits, similarity, _)| *edits <= 1 || *similarity >= SIMILARITY_MIN)
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_corrected_and_other_words_are_left_alone() {
        let known = ["web", "primary", "replica", "cache"];
        for (word, meant) in [("wbe", "web"), ("primry", "primary"), ("cash", "cache")] {
            assert_eq!(nearest(word, known).as_deref(), Some(meant), "{word}");
        }
        assert_eq!(nearest("nginx", known), None);
    }
}
