//! The body of an answer: found to its end, kept only when somebody looks into it.

use super::head::Framing;
use super::response::ProtocolError;

/// A generator reads what services answer; a larger body is a mistake or an attack.
const BODY_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A chunk's size line holds a few hex digits; extensions are rare and short.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

/// Lines after the last chunk.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Where the reader of a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    UntilClose,
    /// In a line before a chunk; `digits` is its size as far as it was read.
    ChunkSize {
        size: Option<u64>,
        part: SizePart,
        line_bytes: usize,
    },
    ChunkData(u64),
    /// In the line end after a chunk.
    ChunkEnd,
    /// After the last chunk; `line_bytes` of the current line were read.
    Trailer {
        bytes: usize,
        line_bytes: usize,
    },
    Done,
}

/// Where in a chunk's size line the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizePart {
    Digits,
    Extension,
    /// Behind `\r`: only `\n` may follow.
    LineEnd,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Result<Self, ProtocolError> {
        match framing {
            Framing::Length(0) => Ok(Self::Done),
            Framing::Length(length) if length > BODY_BYTES_MAX => Err(ProtocolError),
            Framing::Length(length) => Ok(Self::Length(length)),
            Framing::Chunked => Ok(Self::CHUNK_START),
            Framing::UntilClose => Ok(Self::UntilClose),
        }
    }

    const CHUNK_START: Self = Self::ChunkSize { size: None, part: SizePart::Digits, line_bytes: 0 };

    /// Reads on in `bytes` and answers how many belong to the body. `seen` counts the content so
    /// far, which goes to `kept` if that is given.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        seen: &mut u64,
        mut kept: Option<&mut Vec<u8>>,
    ) -> Result<usize, ProtocolError> {
        let mut position = 0;
        while position < bytes.len() && *self != Self::Done {
            let rest = &bytes[position..];
            let wanted = match *self {
                Self::Length(left) | Self::ChunkData(left) => left,
                Self::UntilClose => u64::MAX,
                Self::ChunkSize { .. } | Self::ChunkEnd | Self::Trailer { .. } | Self::Done => 0,
            };
            if wanted == 0 {
                *self = self.after_framing_byte(rest[0])?;
                position += 1;
                continue;
            }
            let taken = usize::try_from(wanted).unwrap_or(usize::MAX).min(rest.len());
            *seen += taken as u64;
            if *seen > BODY_BYTES_MAX {
                return Err(ProtocolError);
            }
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&rest[..taken]);
            }
            position += taken;
            *self = self.after_content(taken as u64);
        }
        Ok(position)
    }

    fn after_content(self, taken: u64) -> Self {
        match self {
            Self::Length(left) if left == taken => Self::Done,
            Self::Length(left) => Self::Length(left - taken),
            Self::ChunkData(left) if left == taken => Self::ChunkEnd,
            Self::ChunkData(left) => Self::ChunkData(left - taken),
            Self::UntilClose
            | Self::ChunkSize { .. }
            | Self::ChunkEnd
            | Self::Trailer { .. }
            | Self::Done => self,
        }
    }

    fn after_framing_byte(self, byte: u8) -> Result<Self, ProtocolError> {
        match self {
            Self::ChunkSize { size, part, line_bytes } => chunk_size(size, part, line_bytes, byte),
            Self::ChunkEnd => match byte {
                b'\r' => Ok(Self::ChunkEnd),
                b'\n' => Ok(Self::CHUNK_START),
                _ => Err(ProtocolError),
            },
            Self::Trailer { bytes, .. } if bytes >= TRAILER_BYTES_MAX => Err(ProtocolError),
            Self::Trailer { bytes, line_bytes } => Ok(match byte {
                b'\n' if line_bytes == 0 => Self::Done,
                b'\n' => Self::Trailer { bytes: bytes + 1, line_bytes: 0 },
                b'\r' => Self::Trailer { bytes: bytes + 1, line_bytes },
                _ => Self::Trailer { bytes: bytes + 1, line_bytes: line_bytes + 1 },
            }),
            Self::Length(_) | Self::UntilClose | Self::ChunkData(_) | Self::Done => Ok(self),
        }
    }
}

fn chunk_size(
    size: Option<u64>,
    part: SizePart,
    line_bytes: usize,
    byte: u8,
) -> Result<Body, ProtocolError> {
    if line_bytes >= CHUNK_LINE_BYTES_MAX {
        return Err(ProtocolError);
    }
    let line_bytes = line_bytes + 1;
    let (size, part) = match (part, byte) {
        (_, b'\n') => {
            return Ok(match size.ok_or(ProtocolError)? {
                0 => Body::Trailer { bytes: 0, line_bytes: 0 },
                size => Body::ChunkData(size),
            });
        }
        (SizePart::LineEnd, _) => return Err(ProtocolError),
        (_, b'\r') => (size, SizePart::LineEnd),
        (SizePart::Extension, _) | (SizePart::Digits, b';' | b' ' | b'\t') => {
            (size, SizePart::Extension)
        }
        (SizePart::Digits, _) => {
            let digit = char::from(byte).to_digit(16).ok_or(ProtocolError)?;
            let size = size.unwrap_or(0) * 16 + u64::from(digit);
            if size > BODY_BYTES_MAX {
                return Err(ProtocolError);
            }
            (Some(size), SizePart::Digits)
        }
    };
    Ok(Body::ChunkSize { size, part, line_bytes })
}
