//! Keeps the end of every log of an instance with its run, before the instance is deleted.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::progress::Place;
use super::stored::RunFolder;
use crate::instance::InstanceFolder;

/// The end of a log is where the trouble is; a run of many trials must not fill the disk.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// Copies every log to `logs/<arm>-<trial>/`.
pub(crate) fn keep_logs(
    instance: &InstanceFolder,
    run: &RunFolder,
    place: Place,
) -> io::Result<()> {
    let folder = run.logs().join(format!("{}-{}", place.arm.name(), place.trial));
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(instance.logs())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let mut log = File::open(entry.path())?;
            let length = log.metadata()?.len();
            let mut kept = File::create(folder.join(entry.file_name()))?;
            if length > LOG_BYTES_MAX {
                let skipped = length - LOG_BYTES_MAX;
                log.seek(SeekFrom::Start(skipped))?;
                writeln!(kept, "[{skipped} bytes before this were left out]")?;
            }
            io::copy(&mut log.take(LOG_BYTES_MAX), &mut kept)?;
        }
    }
    Ok(())
}
