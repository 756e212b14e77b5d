//! How one file takes another's place.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::error::{StateFileError, failed};

/// Removes a file, unless there is none, so that a power cut does not undo it.
///
/// # Errors
/// The file system refuses.
pub fn remove(path: &Path) -> Result<(), StateFileError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("removing", path)(error)),
    }
    sync_parent(path)
}

fn sync_parent(path: &Path) -> Result<(), StateFileError> {
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("writing", directory))
}

/// Puts a file in place of another at once; with `durable`, so that a power cut does not undo it.
///
/// # Errors
/// The file system refuses; the file is as before.
pub fn replace(path: &Path, content: &[u8], durable: bool) -> Result<(), StateFileError> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(content)?;
        if durable { file.sync_all() } else { Ok(()) }
    });
    let put = written
        .map_err(failed("writing", &new))
        .and_then(|()| fs::rename(&new, path).map_err(failed("replacing", path)));
    if let Err(error) = put {
        // Half of it may hold the last room there is.
        drop(fs::remove_file(&new));
        return Err(error);
    }
    if durable { sync_parent(path) } else { Ok(()) }
}
