//! MySQL's global transaction identifiers: sets of them, `server:first-last:…,server:…`, as the
//! server writes them.

/// Transactions by the servers that wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GtidSet(Vec<Interval>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval {
    server: [u8; 16],
    first: u64,
    last: u64,
}

impl GtidSet {
    /// `None` for what is no such set. Nothing is in it twice, as the server never writes it so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut intervals = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let mut words = part.split(':');
            let server = server(words.next()?)?;
            for numbers in words {
                let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
                let (first, last) = (first.parse().ok()?, last.parse().ok()?);
                if first > last {
                    return None;
                }
                intervals.push(Interval { server, first, last });
            }
        }
        Some(Self(intervals))
    }

    pub(super) fn contains(&self, (server, number): ([u8; 16], u64)) -> bool {
        let is_in =
            |part: &Interval| part.server == server && (part.first..=part.last).contains(&number);
        self.0.iter().any(is_in)
    }

    /// Whether any of them was written by the server of that name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        let named = server(name);
        self.0.iter().any(|part| Some(part.server) == named)
    }

    /// How many transactions these are.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|part| part.last - part.first + 1).sum()
    }
}

/// The bytes of a server's name.
fn server(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let mut bytes = [0; 16];
    if digits.len() != 2 * bytes.len() || !digits.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn a_set_has_what_lies_within_its_intervals() {
        let set = GtidSet::parse(&format!("{SERVER}:1-3:7,\n{}:9", SERVER.replace('3', "4")));
        let (set, own) = (set.unwrap(), server(SERVER).unwrap());
        assert_eq!(set.count(), 5);
        assert!(set.contains((own, 3)) && set.contains((own, 7)));
        assert!(!set.contains((own, 4)) && !set.contains((own, 9)));
        assert!(set.is_of(SERVER) && !set.is_of(&SERVER.replace('3', "5")));
        assert_eq!(GtidSet::parse("").map(|set| set.count()), Some(0));
    }

    #[test]
    fn what_is_no_set_is_not_taken_for_one() {
        for text in ["0-1-15", "3e11fa47:1", &format!("{SERVER}:3-1"), &format!("{SERVER}:x")] {
            assert_eq!(GtidSet::parse(text), None, "{text}");
        }
    }
}
