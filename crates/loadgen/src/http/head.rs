//! The head of an answer: its status, how its body is framed, and the headers that a history keeps.

use super::response::{Answer, Expectation, ProtocolError};

/// More headers than any sane answer has; httparse wants the room in advance.
const HEADERS_MAX: usize = 96;

/// How the end of a body is found (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// A parsed head.
#[derive(Debug)]
pub(super) struct Head {
    /// Bytes of the head, with the empty line at its end.
    pub(super) length: usize,
    pub(super) framing: Framing,
    pub(super) answer: Answer,
}

impl Head {
    /// Whether another head follows: 100 Continue, 103 Early Hints.
    pub(super) fn is_interim(&self) -> bool {
        self.answer.status < 200
    }

    /// Reads a head that starts with `bytes`; `None` when its end is not there yet.
    pub(super) fn parse(
        bytes: &[u8],
        expectation: &Expectation,
    ) -> Result<Option<Self>, ProtocolError> {
        let mut room = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut room);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(ProtocolError),
        };
        let status = response.code.ok_or(ProtocolError)?;
        // 101 would hand the connection to a protocol that nobody asked for.
        if !(100..=599).contains(&status) || status == 101 {
            return Err(ProtocolError);
        }
        let mut answer = Answer { status, ..Answer::default() };
        let mut fields = Fields::default();
        for header in response.headers.iter() {
            fields.read(header, &mut answer)?;
            for (position, name) in expectation.headers.iter().enumerate() {
                if header.name.eq_ignore_ascii_case(name) {
                    answer.headers.resize(expectation.headers.len(), None);
                    answer.headers[position] = Some(text(header.value));
                }
            }
        }
        answer.age_ms = answer.age_ms.or(fields.age_s.map(|seconds| seconds.saturating_mul(1000)));
        let framing = fields.framing(status, expectation.bodiless);
        let persists = if response.version == Some(0) { fields.keep_alive } else { !fields.close };
        // With both framings, somebody on the way may disagree about where the answer ends.
        let ambiguous = fields.transfer_coded && fields.length.is_some();
        answer.reusable = persists && !ambiguous && framing != Framing::UntilClose;
        Ok(Some(Self { length, framing, answer }))
    }
}

/// The headers that decide about framing and age, as they are met.
#[derive(Debug, Default)]
struct Fields {
    length: Option<u64>,
    transfer_coded: bool,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    age_s: Option<u64>,
}

impl Fields {
    fn read(
        &mut self,
        header: &httparse::Header<'_>,
        answer: &mut Answer,
    ) -> Result<(), ProtocolError> {
        let (name, value) = (header.name, header.value);
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // The length rules most names out before any comparison.
        match name.len() {
            14 if is("content-length") => {
                let length = number(value).ok_or(ProtocolError)?;
                if self.length.is_some_and(|known| known != length) {
                    return Err(ProtocolError);
                }
                self.length = Some(length);
            }
            17 if is("transfer-encoding") => {
                self.transfer_coded = true;
                self.chunked = tokens(value)
                    .last()
                    .is_some_and(|token| token.eq_ignore_ascii_case(b"chunked"));
            }
            10 if is("connection") => {
                for token in tokens(value) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            8 if is("x-source") => answer.source = Some(text(value)),
            7 if is("x-stale") => answer.stale = value.eq_ignore_ascii_case(b"true"),
            8 if is("x-age-ms") => answer.age_ms = number(value),
            3 if is("age") => self.age_s = number(value),
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, status: u16, bodiless: bool) -> Framing {
        if bodiless || status < 200 || status == 204 || status == 304 {
            Framing::Length(0)
        } else if self.transfer_coded {
            if self.chunked { Framing::Chunked } else { Framing::UntilClose }
        } else {
            self.length.map_or(Framing::UntilClose, Framing::Length)
        }
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.trim_ascii()).into_owned()
}

/// Reads digits only: `+5` and `5, 5` are no lengths.
fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}
