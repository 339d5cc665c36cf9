//! New files in the place of those that cannot be used any more: what was there is kept, and a copy
//! that was never finished is not taken for one.

use std::fs;
use std::io;

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

/// The new files are whole.
pub(super) fn finish(site: &Site) -> Result<(), EngineError> {
    let mark = site.spec.data.join(MARK);
    fs::remove_file(&mark).map_err(|source| site.io("remove", &mark, source))
}
