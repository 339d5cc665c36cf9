//! JSON lines in and out, compressed when the file name ends in `.zst`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Level 3 is zstd's default: a history shrinks to about a tenth, faster than a disk writes it.
const ZSTD_LEVEL: i32 = 3;

/// Why a history could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    #[error("cannot {action} history `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` line {line} is no record of a history: {source}", path.display())]
    Record {
        path: PathBuf,
        line: usize,
        #[source]
        source: serde_json::Error,
    },
}

/// Writes one JSON document per line to `path`, replacing what is there.
///
/// # Errors
/// When the file cannot be created or written.
pub fn write_jsonl<T: Serialize>(
    path: &Path,
    records: impl IntoIterator<Item = T>,
) -> Result<(), HistoryError> {
    let fail = |source| HistoryError::Io { action: "write", path: path.to_owned(), source };
    let file = BufWriter::new(File::create(path).map_err(fail)?);
    if is_compressed(path) {
        let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL).map_err(fail)?;
        write_lines(&mut encoder, records).map_err(fail)?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(fail)
    } else {
        let mut file = file;
        write_lines(&mut file, records).and_then(|()| file.flush()).map_err(fail)
    }
}

/// Reads what [`write_jsonl`] wrote. Empty lines are skipped.
///
/// # Errors
/// When the file cannot be read, or a line is no record of this type: the error names the line.
pub fn read_jsonl<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, HistoryError> {
    let fail = |source| HistoryError::Io { action: "read", path: path.to_owned(), source };
    let file = BufReader::new(File::open(path).map_err(fail)?);
    let reader: Box<dyn Read> = if is_compressed(path) {
        Box::new(zstd::Decoder::with_buffer(file).map_err(fail)?)
    } else {
        Box::new(file)
    };
    let mut records = Vec::new();
    for (index, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(fail)?;
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(&line).map_err(|source| HistoryError::Record {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        records.push(record);
    }
    Ok(records)
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

fn write_lines<T: Serialize>(
    out: &mut impl Write,
    records: impl IntoIterator<Item = T>,
) -> std::io::Result<()> {
    for record in records {
        serde_json::to_writer(&mut *out, &record)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
