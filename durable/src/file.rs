//! How one file takes another's place.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::error::{StateFileError, failed};

/// Opens a file to read it, unless it is a pipe, a socket, a device or a directory: opening a pipe waits for
/// somebody who writes to it. The directory is for those alone who may put files of state there, so none is
/// swapped after the look at it.
///
/// # Errors
/// It isn't a regular file; the file system refuses.
pub fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "is not a regular file; remove it",
        ));
    }
    File::open(path)
}

/// Reads all of a file; see [`open`].
///
/// # Errors
/// It isn't a regular file; the file system refuses.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// Removes a file, unless there is none, so that a power cut does not undo it.
///
/// # Errors
/// The file system refuses.
pub fn remove(path: &Path) -> Result<(), StateFileError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
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
