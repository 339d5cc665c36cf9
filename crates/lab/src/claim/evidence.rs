//! The first few of many mistakes, in sentences: enough to look at, and never a page of them.

use std::collections::BTreeMap;

/// Of each kind.
const SHOWN_MAX: usize = 3;

/// The first of each kind, and how many more there are of it. Kinds come in the order in which
/// they are first met.
pub(super) fn evidence<'a>(mistakes: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut kinds: Vec<&str> = Vec::new();
    let mut by_kind: BTreeMap<&str, (Vec<String>, usize)> = BTreeMap::new();
    for (kind, text) in mistakes {
        let (shown, count) = by_kind.entry(kind).or_insert_with(|| {
            kinds.push(kind);
            (Vec::new(), 0)
        });
        *count += 1;
        if shown.len() < SHOWN_MAX {
            shown.push(text);
        }
    }
    let mut lines = Vec::new();
    for kind in kinds {
        let Some((shown, count)) = by_kind.remove(kind) else { continue };
        let hidden = count - shown.len();
        lines.extend(shown);
        if hidden > 0 {
            lines.push(format!("and {hidden} more: {kind}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_shown_by_its_first_ones_and_a_count() {
        let mistakes = (0..5).map(|n| ("lost", format!("lost {n}")));
        let all = mistakes.chain([("twice", "twice 0".to_owned())]);
        let expected = ["lost 0", "lost 1", "lost 2", "and 2 more: lost", "twice 0"];
        assert_eq!(evidence(all), expected);
    }
}
