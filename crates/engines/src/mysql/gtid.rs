//! MariaDB's global transaction identifiers, `domain-server-sequence`, and what a list of them
//! says.
//!
//! A list as in `gtid_binlog_state` names the last transaction of every server that ever wrote.
//! With `gtid_strict_mode` the transactions of a server are a sequence without forks, so a history
//! holds another one when it has come as far for each of its servers.

use std::collections::BTreeMap;
use std::fmt;

/// The last sequence number of each domain and server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History(BTreeMap<(u32, u32), u64>);

impl History {
    /// Reads `0-1-15,0-2-20`; `None` for anything else.
    pub(super) fn parse(list: &str) -> Option<Self> {
        let entry = |text: &str| {
            let mut numbers = text.trim().split('-');
            let domain = numbers.next()?.parse().ok()?;
            let server = numbers.next()?.parse().ok()?;
            let sequence = numbers.next()?.parse().ok()?;
            numbers.next().is_none().then_some(((domain, server), sequence))
        };
        let entries = list.split(',').filter(|text| !text.trim().is_empty()).map(entry);
        entries.collect::<Option<_>>().map(Self)
    }

    /// Whether every transaction of `other` is in this history as well.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.0.iter().all(|(server, sequence)| self.0.get(server) >= Some(sequence))
    }

    /// This history with all of `later`, which knows better.
    pub(super) fn extended(mut self, later: &Self) -> Self {
        self.0.extend(&later.0);
        self
    }
}

impl fmt::Display for History {
    /// In ascending order of sequence numbers, as the server wants the last transaction last.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(_, sequence)| **sequence);
        for (index, ((domain, server), sequence)) in entries.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{domain}-{server}-{sequence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(all: &str, some: &str) -> bool {
        History::parse(all).unwrap().holds(&History::parse(some).unwrap())
    }

    #[test]
    fn a_history_holds_another_when_it_is_as_far_for_every_server() {
        assert!(holds("0-1-15,0-2-20", "0-1-15"));
        assert!(holds("0-1-15,0-2-20", "0-2-20,0-1-12"));
        assert!(holds("0-1-15", ""));
        assert!(!holds("0-1-15,0-2-20", "0-1-16"), "the tail that nobody else has");
        assert!(!holds("0-2-20", "0-1-1"), "a server that is not known");
        assert!(!holds("0-1-15", "1-1-15"), "another domain");
    }

    #[test]
    fn a_list_is_written_with_its_last_transaction_last() {
        let before = History::parse("0-1-15,\n0-2-20").unwrap();
        let later = History::parse("0-1-21").unwrap();
        assert_eq!(before.extended(&later).to_string(), "0-2-20,0-1-21");
        assert_eq!(History::default().to_string(), "");
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_one() {
        for text in ["0-1", "a-1-2", "0-1-2-3", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"] {
            assert_eq!(History::parse(text), None, "{text}");
        }
    }
}
