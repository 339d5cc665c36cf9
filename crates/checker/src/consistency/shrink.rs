//! The smallest part of something wrong that is still wrong.

/// Leaves out groups for as long as `is_wrong` says so of the rest; answers the groups that cannot
/// be missed. Large parts are tried first. At most `tries_max` rests are looked at: what is left
/// then is as wrong, and larger than need be.
pub(super) fn shrink(
    groups: usize,
    tries_max: usize,
    mut is_wrong: impl FnMut(&[usize]) -> bool,
) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..groups).collect();
    let (mut tries, mut size) = (0, groups.div_ceil(2));
    while size > 0 {
        let (mut from, mut has_shrunk) = (0, false);
        while from < kept.len() && tries < tries_max {
            let until = (from + size).min(kept.len());
            let rest: Vec<usize> = kept[..from].iter().chain(&kept[until..]).copied().collect();
            tries += 1;
            if is_wrong(&rest) {
                (kept, has_shrunk) = (rest, true);
            } else {
                from = until;
            }
        }
        // With single groups it goes on until none can be missed.
        if size > 1 || !has_shrunk {
            size /= 2;
        }
        if tries >= tries_max {
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn what_is_left_is_wrong_and_no_group_of_it_can_be_missed() {
        let is_wrong = |groups: &[usize]| [7, 11, 63].iter().all(|needed| groups.contains(needed));
        assert_eq!(shrink(100, 1_000, is_wrong), [7, 11, 63]);
    }

    #[test]
    fn it_ends_when_it_has_tried_enough() {
        let kept = shrink(100, 3, |groups| groups.contains(&99));
        assert!(kept.contains(&99) && kept.len() < 100);
    }
}
