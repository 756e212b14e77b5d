//! A file of JSON lines.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::fd::AsFd as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flow::{Filter, view};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use proto::{
    google::Timestamp,
    json::{self, Lines, NotAFlow},
    observer::GetFlowsResponse,
};
use tokio::sync::watch;

use super::{ConnectionState, FlowQuery};
use crate::store::{Marker, Store};

/// Longest line (bytes): an explained flow has a few thousand.
const LINE: u64 = 1 << 20;
/// Lines that are put into the store at once.
const BATCH: usize = 2048;
/// Unreadable lines that are each marked; the rest is counted.
const MARKED: u64 = 20;

/// How long a read waits at most before it looks whether it is still wanted, ms.
const LOOK: u8 = 200;

/// A file, or a pipe in which more comes some day, until nobody wants it any more.
struct Wanted {
    file: File,
    gone: Arc<AtomicBool>,
}

impl io::Read for Wanted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while !self.gone.load(Ordering::Relaxed) {
            let mut files = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            match poll(&mut files, PollTimeout::from(LOOK)) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return self.file.read(to),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

/// Tells the reader that nobody wants it, when this is dropped.
struct Wants(Arc<AtomicBool>);

impl Drop for Wants {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Fills `store` with the flows of a file.
pub(super) async fn run(
    path: PathBuf,
    ask: FlowQuery,
    store: Arc<Store>,
    connection: watch::Sender<ConnectionState>,
) {
    let name = path.display().to_string();
    let wants = Wants(Arc::default());
    let gone = Arc::clone(&wants.0);
    let read = tokio::task::spawn_blocking(move || {
        let file = File::open(&path).map_err(|error| error.to_string())?;
        read(Wanted { file, gone }, &ask, &store)
    });
    connection.send_replace(match read.await {
        Ok(Ok(())) => ConnectionState::Ended,
        Ok(Err(why)) => ConnectionState::Failed(format!("{name}: {why}")),
        Err(error) => ConnectionState::Failed(format!("{name}: {error}")),
    });
}

fn read(from: impl io::Read, ask: &FlowQuery, store: &Store) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    let filter = Filter::from_lists(&ask.whitelist, &ask.blacklist).map_err(|e| e.to_string())?;
    let mut input = BufReader::with_capacity(1 << 20, from);
    let last = usize::try_from(ask.last).unwrap_or(usize::MAX);
    let mut batch = VecDeque::new();
    let mut line = Vec::new();
    let mut lines = Lines::lenient();
    let mut unreadable = 0_u64;
    let mut ended = false;
    let mut got: Vec<Result<json::Read, (u64, String)>> = Vec::new();
    while !ended {
        line.clear();
        let read = (&mut input)
            .take(LINE)
            .read_until(b'\n', &mut line)
            .map_err(words)?;
        let mut take = |read: Result<json::Read, NotAFlow>| {
            got.push(read.map_err(|bad| (bad.line, bad.why.to_string())));
            Ok::<(), String>(())
        };
        ended = read == 0;
        if ended {
            lines.end(&mut take)?;
        } else if line.trim_ascii().is_empty() {
            lines.skip();
        } else if line.ends_with(b"\n") || (read as u64) < LINE {
            let text = String::from_utf8_lossy(&line);
            lines.push(text.trim_end_matches(['\r', '\n']), &mut take)?;
        } else {
            input.skip_until(b'\n').map_err(words)?;
            got.push(Err((lines.skip(), format!("longer than {LINE} bytes"))));
        }
        for read in got.drain(..) {
            let (number, why) = match read {
                Ok(read) => {
                    if wanted(&read.response, ask, &filter) {
                        batch.push_back(read.response);
                    }
                    continue;
                }
                Err(bad) => bad,
            };
            unreadable += 1;
            store.unreadable();
            if unreadable <= MARKED {
                if last == 0 {
                    // The mark is to stand behind what is before it.
                    store.push(batch.make_contiguous(), i64::MAX);
                    batch.clear();
                }
                store.mark(Marker::Unreadable { line: number, why });
            }
        }
        while last > 0 && batch.len() > last {
            batch.pop_front();
        }
        if last == 0 && (batch.len() >= BATCH || input.buffer().is_empty()) {
            // One line can complete two flows. And nobody knows when more comes through a pipe.
            store.push(batch.make_contiguous(), i64::MAX);
            batch.clear();
        }
    }
    store.push(batch.make_contiguous(), i64::MAX);
    if unreadable > MARKED {
        let why = format!("{} more lines can't be read", unreadable - MARKED);
        store.mark(Marker::Unreadable {
            line: lines.number(),
            why,
        });
    }
    Ok(())
}

fn wanted(response: &GetFlowsResponse, ask: &FlowQuery, filter: &Filter) -> bool {
    let Ok(flow) = view::of_response(response) else {
        // Losses and the state of nodes are always told.
        return true;
    };
    let time: Timestamp = flow.time.or(response.time).unwrap_or_default();
    ask.since.is_none_or(|since| time >= since)
        && ask.until.is_none_or(|until| time <= until)
        && filter.matches(flow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = r#""flow":{"time":"2026-01-01T00:00:01Z","verdict":"DROPPED"}}"#;

    /// Text in pieces that never end with a line, as those of a long file hardly ever do.
    struct Pieces<'a> {
        text: &'a [u8],
        store: &'a Store,
        /// Flows in the store when the text was at its end.
        held: &'a mut Option<u64>,
    }

    impl io::Read for Pieces<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let mut length = self.text.len().min(to.len()).min(1000);
            while self.text.len() > length && self.text[length - 1] == b'\n' {
                length -= 1;
            }
            if length == 0 {
                self.held
                    .get_or_insert(self.store.snapshot().counts().flows);
            }
            to[..length].copy_from_slice(&self.text[..length]);
            self.text = &self.text[length..];
            Ok(length)
        }
    }

    /// The line that begins a flow also ends the one before it, if that has no line for its end: the
    /// number of flows in a batch need never be just that of a full one.
    #[test]
    fn a_batch_is_put_into_the_store_also_where_a_line_completes_two_flows() {
        let two = format!("{{\n  {FLOW}\n{{{FLOW}\n");
        let text = format!("{{{FLOW}\n{}", two.repeat(BATCH));
        let store = Store::new(3 * BATCH);
        let mut held = None;
        let pieces = Pieces {
            // After a last line that ends, nothing would be left to gather.
            text: text.trim_end().as_bytes(),
            store: &store,
            held: &mut held,
        };
        read(pieces, &FlowQuery::default(), &store).unwrap();
        let all = 2 * BATCH as u64 + 1;
        assert_eq!(store.snapshot().counts().flows, all);
        let held = held.unwrap();
        // The last line, which was still being read, completes two.
        assert!(all - held <= BATCH as u64 + 1, "{held} of {all}");
    }
}
