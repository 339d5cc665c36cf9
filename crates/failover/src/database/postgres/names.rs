//! `synchronous_standby_names`, written and read.

use crate::core::Cover;
use crate::database::Members;

/// What makes commits wait for `cover`.
pub(super) fn render(cover: Cover, members: &Members) -> String {
    if cover.copies == 0 {
        return String::new();
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let names: Vec<String> = cover.members.iter().map(|node| quoted(members.name(node))).collect();
    format!("ANY {} ({})", cover.copies, names.join(", "))
}

/// Whom commits wait for by `names`; `None` when that is not what a watchdog would have written.
pub(super) fn parse(names: &str, members: &Members) -> Option<Cover> {
    let names = names.trim();
    if names.is_empty() {
        return Some(Cover::NONE);
    }
    let (copies, list) = names.strip_prefix("ANY ")?.split_once('(')?;
    let copies: u8 = copies.trim().parse().ok()?;
    let node = |name: &str| {
        let name = name.trim();
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        members.named(bare.unwrap_or(name))
    };
    let members = list.strip_suffix(')')?.split(',').map(node).collect::<Option<_>>()?;
    Some(Cover { members, copies })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Copies, NodeSet};

    fn members() -> Members {
        let member = |name: &str, port: u16| (name.to_owned(), ([127, 0, 0, 1], port).into());
        Members::new(vec![member("orders-a", 5432), member("orders-b", 5433), member("c", 5434)])
    }

    #[test]
    fn what_is_written_is_read_again() {
        for count in 0..=3 {
            for copies in [Copies::All, Copies::One] {
                let cover = Cover::by(NodeSet::first(count), copies);
                assert_eq!(parse(&render(cover, &members()), &members()), Some(cover));
            }
        }
        let two = Cover::by(NodeSet::first(2), Copies::One);
        assert_eq!(render(two, &members()), r#"ANY 1 ("orders-a", "orders-b")"#);
    }

    #[test]
    fn what_somebody_else_wrote_is_not_understood() {
        for names in ["*", "FIRST 1 (c)", "ANY 1 (stranger)", "orders-a", "ANY x (c)"] {
            assert_eq!(parse(names, &members()), None, "{names}");
        }
    }
}
