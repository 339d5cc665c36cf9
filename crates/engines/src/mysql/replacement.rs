//! New files in the place of those that cannot be used any more, or old ones in which something is
//! taken back: what was there is kept, and what was never finished is not taken for whole.

use std::fs;
use std::io;
use std::path::Path;

use super::configuration::files_folder;
use crate::engine::{EngineError, Site, remove_folder};

/// There as long as the server's files are not whole.
const MARK: &str = "unfinished";

/// What an old primary had, for whoever wants to see what nobody else has.
const ASIDE: &str = "diverged";

/// Whether a copy was begun and not finished.
pub(super) fn is_unfinished(site: &Site) -> bool {
    site.spec.data.join(MARK).exists()
}

/// Makes room for new files. Whole ones are put aside, in the place of earlier ones.
pub(super) fn begin(site: &Site) -> Result<(), EngineError> {
    let folder = &site.spec.data;
    let files = files_folder(folder);
    if is_unfinished(site) {
        return remove_folder(&files).map_err(|source| site.io("remove", &files, source));
    }
    let aside = folder.join(ASIDE);
    remove_folder(&aside).map_err(|source| site.io("remove", &aside, source))?;
    site.write_durably(&folder.join(MARK), "")?;
    match fs::rename(&files, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(site.io("put aside", &files, error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Marks its files before something is taken back in them. The log that has it is kept aside, in
/// the place of earlier files.
pub(super) fn begin_rewind(site: &Site, log: &Path) -> Result<(), EngineError> {
    let folder = &site.spec.data;
    let aside = folder.join(ASIDE);
    remove_folder(&aside).map_err(|source| site.io("remove", &aside, source))?;
    site.make_private_folder(&aside)?;
    let kept = aside.join(log.file_name().unwrap_or_default());
    // Another name of the same file, which the server is about to drop by its first one.
    fs::hard_link(log, &kept).map_err(|source| site.io("put aside", log, source))?;
    site.write_durably(&folder.join(MARK), "")
}

/// The new files are whole.
pub(super) fn finish(site: &Site) -> Result<(), EngineError> {
    let mark = site.spec.data.join(MARK);
    fs::remove_file(&mark).map_err(|source| site.io("remove", &mark, source))
}
