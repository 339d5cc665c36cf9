//! The events of a MySQL binary log, as far as it takes to say where the last transactions of a
//! server begin, and whether they can be undone.
//!
//! Only changes of rows can be, with all columns of each row in the log: a `CREATE TABLE`, a
//! compressed transaction or half of a row is reason to copy everything instead. What is not known
//! here is not taken for harmless.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::gtid_set::GtidSet;

const MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];
const HEADER_BYTES: usize = 19;

/// Larger than what a server takes from a client at once.
const EVENT_BYTES_MAX: usize = 1 << 30;

/// A server's numbers of kinds of events.
mod kind {
    pub(super) const QUERY: u8 = 2;
    pub(super) const STOP: u8 = 3;
    pub(super) const ROTATE: u8 = 4;
    pub(super) const FORMAT: u8 = 15;
    pub(super) const COMMIT: u8 = 16;
    pub(super) const TABLE: u8 = 19;
    pub(super) const STATEMENT_TEXT: u8 = 29;
    pub(super) const INSERT: u8 = 30;
    pub(super) const UPDATE: u8 = 31;
    pub(super) const DELETE: u8 = 32;
    pub(super) const GTID: u8 = 33;
    pub(super) const PREVIOUS_GTIDS: u8 = 35;
}

/// What one log holds of the transactions that were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has no transactions at all: the log before it may have them.
    Empty,
    /// They are its end.
    Tail(Tail),
    /// Why they cannot be undone.
    Unfit(String),
}

/// Transactions at the end of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Where the first of them begins.
    pub(super) start: u64,
    /// Whose rows they change: database and name.
    pub(super) tables: BTreeSet<(String, String)>,
}

/// Looks for `wanted` in `log`.
pub(super) fn find(log: &Path, wanted: &GtidSet) -> io::Result<Found> {
    find_in(BufReader::with_capacity(1 << 20, File::open(log)?), wanted)
}

/// Whether `log` has a transaction that is not among `known`; `None` when it has none at all. A log
/// whose server was killed may end in the middle of one.
pub(super) fn has_more_than(log: &Path, known: &GtidSet) -> io::Result<Option<bool>> {
    let mut more = None;
    let read = look_for_more(BufReader::with_capacity(1 << 20, File::open(log)?), known, &mut more);
    match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        Ok(()) | Err(_) => Ok(more),
    }
}

fn look_for_more(mut log: impl Read, known: &GtidSet, more: &mut Option<bool>) -> io::Result<()> {
    log.read_exact(&mut [0; MAGIC.len()])?;
    while let Some(event) = Event::read(&mut log)? {
        if event.kind == kind::GTID {
            let is_known = event.gtid().is_some_and(|gtid| known.contains(gtid));
            *more = Some(*more == Some(true) || !is_known);
        }
    }
    Ok(())
}

fn find_in(mut log: impl Read, wanted: &GtidSet) -> io::Result<Found> {
    let mut magic = MAGIC;
    log.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Ok(Found::Unfit("its log cannot be read".to_owned()));
    }
    let (mut at, mut checksum_bytes) = (MAGIC.len() as u64, 0);
    let (mut tail, mut transactions, mut found) = (None, 0_u64, 0_u64);
    while let Some(event) = Event::read(&mut log)? {
        if event.kind == kind::GTID {
            transactions += 1;
            match (event.gtid(), &tail) {
                (Some(gtid), _) if wanted.contains(gtid) => {
                    found += 1;
                    tail.get_or_insert(Tail { start: at, ..Tail::default() });
                }
                (Some(_), None) => {}
                (Some(_) | None, _) => return unfit("others came after them"),
            }
        } else if event.kind == kind::FORMAT {
            checksum_bytes = event.checksum_bytes();
        } else if let Some(tail) = &mut tail
            && let Err(problem) = event.check(checksum_bytes, tail)
        {
            return unfit(problem);
        }
        at += (HEADER_BYTES + event.body.len()) as u64;
    }
    match tail {
        None if transactions == 0 => Ok(Found::Empty),
        Some(tail) if found == wanted.count() => Ok(Found::Tail(tail)),
        None => unfit("others came after them"),
        Some(_) => unfit("they are spread over several logs"),
    }
}

fn unfit(problem: &str) -> io::Result<Found> {
    Ok(Found::Unfit(problem.to_owned()))
}

struct Event {
    kind: u8,
    body: Vec<u8>,
}

impl Event {
    /// The next one; `None` at the end of the log.
    fn read(log: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        let read = log.by_ref().take(1).read(&mut header)?;
        if read == 0 {
            return Ok(None);
        }
        log.read_exact(&mut header[1..])?;
        let bytes = u32::from_le_bytes([header[9], header[10], header[11], header[12]]) as usize;
        if !(HEADER_BYTES..=EVENT_BYTES_MAX).contains(&bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an event of no such size"));
        }
        let mut body = vec![0; bytes - HEADER_BYTES];
        log.read_exact(&mut body)?;
        Ok(Some(Self { kind: header[4], body }))
    }

    /// Which server's transaction begins, and its number.
    fn gtid(&self) -> Option<([u8; 16], u64)> {
        let server = self.body.get(1..17)?.try_into().ok()?;
        let number = self.body.get(17..25)?.try_into().ok()?;
        Some((server, u64::from_le_bytes(number)))
    }

    /// What of every event is a checksum, as the first one says.
    fn checksum_bytes(&self) -> usize {
        let place = self.body.len().checked_sub(5);
        let method = place.and_then(|place| self.body.get(place));
        if method == Some(&1) { 4 } else { 0 }
    }

    /// Whether it can be undone, with its table if it names one.
    fn check(&self, checksum_bytes: usize, tail: &mut Tail) -> Result<(), &'static str> {
        let body = &self.body[..self.body.len().saturating_sub(checksum_bytes)];
        match self.kind {
            kind::QUERY if statement(body) == Some(b"BEGIN") => Ok(()),
            kind::QUERY => Err("one of them is a statement"),
            kind::TABLE => {
                tail.tables.insert(table(body).ok_or("a table has no name")?);
                Ok(())
            }
            kind::INSERT | kind::UPDATE | kind::DELETE => {
                let is_whole = has_all_columns(body, self.kind == kind::UPDATE) == Some(true);
                if is_whole { Ok(()) } else { Err("the log does not have all columns") }
            }
            kind::STOP
            | kind::ROTATE
            | kind::COMMIT
            | kind::STATEMENT_TEXT
            | kind::PREVIOUS_GTIDS => Ok(()),
            _ => Err("one of them is of another kind"),
        }
    }
}

fn statement(body: &[u8]) -> Option<&[u8]> {
    let schema_bytes = usize::from(*body.get(8)?);
    let status_bytes = usize::from(u16::from_le_bytes([*body.get(11)?, *body.get(12)?]));
    body.get(13 + status_bytes + schema_bytes + 1..)
}

fn table(body: &[u8]) -> Option<(String, String)> {
    let text = |at: usize| {
        let bytes = usize::from(*body.get(at)?);
        let text = String::from_utf8(body.get(at + 1..at + 1 + bytes)?.to_vec()).ok()?;
        // It ends with a zero.
        Some((text, at + bytes + 2))
    };
    let (schema, next) = text(8)?;
    Some((schema, text(next)?.0))
}

/// An update has the columns of rows before it, and those after it.
fn has_all_columns(body: &[u8], is_update: bool) -> Option<bool> {
    let extra_bytes = usize::from(u16::from_le_bytes([*body.get(8)?, *body.get(9)?]));
    let at = 8 + extra_bytes;
    let (columns, at) = match *body.get(at)? {
        few @ 0..=250 => (usize::from(few), at + 1),
        252 => (usize::from(u16::from_le_bytes([*body.get(at + 1)?, *body.get(at + 2)?])), at + 3),
        _ => return None,
    };
    let bytes = columns.div_ceil(8);
    let maps = if is_update { 2 } else { 1 };
    let is_set = |map: usize, column: usize| {
        let byte = body.get(at + map * bytes + column / 8)?;
        Some(byte & (1 << (column % 8)) != 0)
    };
    let mut all = true;
    for map in 0..maps {
        for column in 0..columns {
            all &= is_set(map, column)?;
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: [u8; 16] = [7; 16];

    fn event(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[4] = kind;
        bytes[9..13].copy_from_slice(&((HEADER_BYTES + body.len()) as u32).to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn gtid(number: u64) -> Vec<u8> {
        let mut body = vec![0];
        body.extend(SERVER);
        body.extend(number.to_le_bytes());
        event(kind::GTID, &body)
    }

    fn query(text: &str) -> Vec<u8> {
        let mut body = vec![0; 13];
        body[8] = 1;
        body.extend(b"d\0");
        body.extend(text.as_bytes());
        event(kind::QUERY, &body)
    }

    fn row(kind: u8, columns: u8, maps: &[u8]) -> Vec<u8> {
        let mut body = vec![0; 8];
        body.extend([2, 0, columns]);
        body.extend(maps);
        event(kind, &body)
    }

    fn transaction(number: u64) -> Vec<u8> {
        let table = event(kind::TABLE, b"\0\0\0\0\0\0\0\0\x01d\0\x04kept\0\x02");
        [gtid(number), query("BEGIN"), table, row(kind::INSERT, 2, &[3]), event(kind::COMMIT, &[0])]
            .concat()
    }

    fn log(events: &[Vec<u8>]) -> Vec<u8> {
        // Without checksums.
        let format = event(kind::FORMAT, &[0; 8]);
        [MAGIC.to_vec(), format, events.concat()].concat()
    }

    fn wanted(numbers: &str) -> GtidSet {
        let server = "07070707-0707-0707-0707-070707070707";
        GtidSet::parse(&format!("{server}:{numbers}")).unwrap()
    }

    fn search(events: &[Vec<u8>], numbers: &str) -> Found {
        find_in(log(events).as_slice(), &wanted(numbers)).unwrap()
    }

    #[test]
    fn the_last_transactions_begin_where_the_first_of_them_does() {
        let before = log(&[transaction(1)]).len() as u64;
        let tables = [("d".to_owned(), "kept".to_owned())].into();
        let events = [transaction(1), transaction(2), transaction(3)];
        assert_eq!(search(&events, "2-3"), Found::Tail(Tail { start: before, tables }));
        assert_eq!(search(&[event(kind::STOP, &[])], "2-3"), Found::Empty, "a server just started");
    }

    #[test]
    fn a_log_that_has_more_than_is_known_says_so_although_it_was_cut() {
        let more = |events: &[Vec<u8>], known: &str| {
            let (mut more, log) = (None, log(events));
            let cut = look_for_more(&log[..log.len() - 1], &wanted(known), &mut more);
            assert!(cut.is_err(), "the last event is not whole");
            more
        };
        let events = [transaction(1), transaction(2)];
        assert_eq!((more(&events, "1"), more(&events, "1-7")), (Some(true), Some(false)));
        assert_eq!(more(&[event(kind::STOP, &[0])], "1"), None);
    }

    fn is_unfit(events: &[Vec<u8>], numbers: &str) -> bool {
        matches!(search(events, numbers), Found::Unfit(_))
    }

    #[test]
    fn what_is_not_the_end_of_one_log_cannot_be_undone() {
        let events = [transaction(1), transaction(2), transaction(3)];
        assert!(is_unfit(&events, "2"), "3 was done on top of it");
        assert!(is_unfit(&events, "1:3"));
        assert!(is_unfit(&events, "3-4"), "4 is in another log");
        assert!(is_unfit(&events, "9"));
    }

    #[test]
    fn only_whole_rows_can_be_undone() {
        let begun = [gtid(2), query("BEGIN")].concat();
        let with = |event: Vec<u8>| [transaction(1), begun.clone(), event];
        assert!(!is_unfit(&with(row(kind::UPDATE, 9, &[255, 1, 255, 1])), "2"));
        assert!(is_unfit(&with(row(kind::UPDATE, 9, &[255, 1, 255, 0])), "2"), "one is missing");
        assert!(is_unfit(&with(row(kind::DELETE, 9, &[255])), "2"), "cut off");
        assert!(is_unfit(&with(query("DROP TABLE kept")), "2"));
        assert!(is_unfit(&with(event(40, &[])), "2"), "a compressed transaction");
    }

    #[test]
    fn a_log_that_was_cut_in_the_middle_of_an_event_is_an_error() {
        let whole = log(&[transaction(1)]);
        assert!(find_in(&whole[..whole.len() - 1], &wanted("1")).is_err());
        assert!(matches!(find_in(&b"abcdefgh"[..], &wanted("1")).unwrap(), Found::Unfit(_)));
    }
}
