//! How much of a message's body is still to come.

/// The rest of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked(Chunked),
    /// All that comes until the connection closes.
    UntilEnd,
}

/// Where in a chunked body the stream is. Lenient: what is malformed is for the receiver to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    Size(u64),
    /// Behind the digits of a size, before the end of its line.
    Extension(u64),
    Data(u64),
    AfterData,
    Trailer {
        is_line_empty: bool,
    },
    Done,
}

impl Body {
    pub(super) const NONE: Self = Self::Length(0);

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(place) => *place == Chunked::Done,
            Self::UntilEnd => false,
        }
    }

    /// How many of `bytes` belong to it; at least one while it is not done.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Length(left) => take_up_to(left, bytes),
            Self::Chunked(place) => place.take(bytes),
            Self::UntilEnd => bytes.len(),
        }
    }
}

impl Chunked {
    pub(super) const START: Self = Self::Size(0);

    fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && *self != Self::Done {
            if let Self::Data(left) = self {
                taken += take_up_to(left, &bytes[taken..]);
                if *left == 0 {
                    *self = Self::AfterData;
                }
            } else {
                self.step(bytes[taken]);
                taken += 1;
            }
        }
        taken
    }

    fn step(&mut self, byte: u8) {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        *self = match (&*self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer { is_line_empty: true },
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(*size),
            (Self::Size(size), _) => match digit {
                Some(digit) => Self::Size(size.saturating_mul(16).saturating_add(digit)),
                None => Self::Extension(*size),
            },
            (Self::AfterData, b'\n') => Self::START,
            (Self::Trailer { is_line_empty: true }, b'\n') => Self::Done,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { is_line_empty: true },
            (Self::Trailer { is_line_empty: true }, b'\r') => return,
            (Self::Trailer { .. }, _) => Self::Trailer { is_line_empty: false },
            (Self::Extension(_) | Self::AfterData | Self::Data(_) | Self::Done, _) => return,
        };
    }
}

fn take_up_to(left: &mut u64, bytes: &[u8]) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= taken as u64;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the bytes are cut, the body ends where `rest` begins.
    fn check(body: &Body, bytes: &str, rest: &str) {
        for cut in 1..=bytes.len() {
            let mut body = body.clone();
            let mut taken = 0;
            for piece in bytes.as_bytes().chunks(cut) {
                if body.is_done() {
                    break;
                }
                taken += body.take(piece);
            }
            assert_eq!(&bytes[taken..], rest, "in pieces of {cut}");
            assert_eq!(body.is_done(), body != Body::UntilEnd);
        }
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        check(&Body::NONE, "next", "next");
        check(&Body::Length(5), "hellonext", "next");
        check(&Body::UntilEnd, "hello", "");
    }

    #[test]
    fn a_chunked_body_ends_after_its_trailers() {
        let chunked = Body::Chunked(Chunked::START);
        check(&chunked, "0\r\n\r\nnext", "next");
        check(&chunked, "5\r\nhello\r\n0\r\n\r\nnext", "next");
        check(&chunked, "A;a=b\r\n0123456789\r\n1\r\n\n\r\n00\r\n\r\nnext", "next");
        check(&chunked, "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nnext", "next");
        check(&chunked, "1\nx\n0\n\nnext", "next");
    }

    #[test]
    fn a_size_beyond_all_numbers_is_endless() {
        let mut chunked = Body::Chunked(Chunked::START);
        let bytes = b"fffffffffffffffffffffffff\r\nhello";
        assert_eq!((chunked.take(bytes), chunked.is_done()), (bytes.len(), false));
    }
}
