//! One line of a journal: a checksum, and JSON that people can read. A line that was torn, or that
//! a disk has changed, is told from a whole one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of the checksum: 64 bits tell a torn line from a whole one.
const CHECKSUM_LENGTH: usize = 16;

/// `value` with its checksum and the end of the line.
pub(crate) fn seal(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("lines have string keys and plain values");
    format!("{} {json}\n", checksum(json.as_bytes()))
}

/// What a line without its end holds; nothing if it is damaged.
pub(crate) fn open<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let (sum, rest) = line.split_at_checked(CHECKSUM_LENGTH)?;
    let json = rest.strip_prefix(b" ")?;
    (checksum(json).as_bytes() == sum).then(|| serde_json::from_slice(json).ok())?
}

fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(CHECKSUM_LENGTH / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_it_was_and_a_changed_byte_is_noticed() {
        let value = vec!["a".to_owned(), "line\nof two".to_owned()];
        let text = seal(&value);
        let line = text.strip_suffix('\n').unwrap().as_bytes();
        assert_eq!(open(line), Some(value));
        for place in 0..line.len() {
            let mut damaged = line.to_vec();
            damaged[place] ^= 1;
            assert_eq!(open::<Vec<String>>(&damaged), None, "byte {place}");
            assert_eq!(open::<Vec<String>>(&line[..place]), None, "torn at {place}");
        }
    }
}
