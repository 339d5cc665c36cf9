//! The key of a replica: made at its first start, and kept in its folder for its own eyes.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ed25519_dalek::{SECRET_KEY_LENGTH, SigningKey};
use rand::Rng;

use crate::service::durable_file;

const FILE: &str = "signing.key";

/// The key in `folder`, which is made when there is none.
pub(super) fn kept_in(folder: &Path) -> io::Result<SigningKey> {
    fs::create_dir_all(folder)?;
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            let secret: [u8; SECRET_KEY_LENGTH] = bytes.try_into().map_err(|_| {
                let text = format!("`{}` is no key of {SECRET_KEY_LENGTH} bytes", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
            Ok(SigningKey::from_bytes(&secret))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut secret = [0; SECRET_KEY_LENGTH];
            rand::rng().fill_bytes(&mut secret);
            let file = durable_file::replace(&path, &secret)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            Ok(SigningKey::from_bytes(&secret))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_nobody_elses_to_read() {
        let folder = std::env::temp_dir().join(format!("standfast-key-{}", uuid::Uuid::now_v7()));
        let made = kept_in(&folder).unwrap();
        assert_eq!(kept_in(&folder).unwrap().to_bytes(), made.to_bytes());
        let mode = fs::metadata(folder.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(folder.join(FILE)).unwrap();
        assert_ne!(kept_in(&folder).unwrap().to_bytes(), made.to_bytes());
        fs::write(folder.join(FILE), b"short").unwrap();
        let error = kept_in(&folder).unwrap_err().to_string();
        assert!(error.contains("is no key of 32 bytes"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
