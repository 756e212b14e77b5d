//! Large files are read beside the others, one at a time, so that none of them holds up a change
//! elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::file::{self, Content, Stamp};

/// Files above this size are read in the background, bytes.
pub(super) const LARGE: u64 = 256 << 10;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct BackgroundRead {
    pub(super) name: Arc<str>,
    /// Of the file when reading began.
    pub(super) stamp: Stamp,
    content: Receiver<Result<Content, String>>,
}

impl BackgroundRead {
    /// Begins to read; `done` is called when that ends.
    pub(super) fn spawn(
        name: Arc<str>,
        path: PathBuf,
        stamp: Stamp,
        known: Option<u64>,
        done: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (send, content) = sync_channel(1);
        let read = {
            let name = Arc::clone(&name);
            move || {
                // Nobody listens any more once the directory is gone.
                drop(send.send(file::read(&name, &path, known)));
                done();
            }
        };
        // Without a thread the channel is closed, which is a result as well.
        let thread = std::thread::Builder::new().name("manifest".to_owned());
        drop(thread.spawn(read));
        Self {
            name,
            stamp,
            content,
        }
    }

    /// What was read; `None` while it goes on.
    pub(super) fn result(&self) -> Option<Result<Content, String>> {
        match self.content.try_recv() {
            Ok(content) => Some(content),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(
                "can't be read: too few threads or too little memory".to_owned(),
            )),
        }
    }
}
