//! Flows from a file of JSON lines, with the filtering a server would do.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use flow::{Filter, view};
use proto::{
    google::Timestamp,
    json::{self, ReadError, Unknown},
    observer::{GetFlowsRequest, GetFlowsResponse},
};

use super::{Screen, request::Selection};
use crate::error::Error;

/// Longest line, bytes; hubble ends at one of 64 KiB.
const LINE: u64 = 1 << 20;

/// Shows the flows of a file, or of standard input (`-`), that a request asks for, in file order.
pub(crate) fn show(
    path: &str,
    request: &GetFlowsRequest,
    filter: &Filter,
    selection: &Selection,
    screen: &mut Screen,
) -> Result<(), Error> {
    let mut input: Box<dyn BufRead> = match path {
        "-" => Box::new(io::stdin().lock()),
        path => {
            let file = File::open(path).map_err(|error| Error::Input {
                path: PathBuf::from(path),
                error,
            })?;
            Box::new(BufReader::with_capacity(1 << 20, file))
        }
    };
    let mut reader = Reader {
        unknown: Unknown::Refuse,
    };
    let mut last = VecDeque::new();
    let mut shown = 0;
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        number += 1;
        line.clear();
        let read = (&mut input).take(LINE + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if u64::try_from(line.len()).unwrap_or(u64::MAX) > LINE {
            input.skip_until(b'\n')?;
            let why = format!("line {number} is longer than {LINE} bytes");
            screen.warn("Failed to unmarshal json to flow", &why, None)?;
            continue;
        }
        let Some(response) = reader.read(&String::from_utf8_lossy(&line), screen)? else {
            continue;
        };
        // A response without a time is one of 1970.
        let time = response.time.unwrap_or_default();
        if !within(time, request) || !matches(filter, &response) {
            continue;
        }
        if selection.last > 0 {
            if last.len() as u64 == selection.last {
                last.pop_front();
            }
            last.push_back(response);
            continue;
        }
        screen.print(&response)?;
        shown += 1;
        if shown == selection.first {
            break;
        }
    }
    last.iter().try_for_each(|response| screen.print(response))
}

fn within(time: Timestamp, request: &GetFlowsRequest) -> bool {
    request.since.is_none_or(|since| time >= since)
        && request.until.is_none_or(|until| time <= until)
}

fn matches(filter: &Filter, response: &GetFlowsResponse) -> bool {
    match view::of_response(response) {
        Ok(flow) => filter.matches(flow),
        Err(none) => filter.matches(&none),
    }
}

/// Reads lines, and remembers that unknown fields were warned of.
struct Reader {
    unknown: Unknown,
}

impl Reader {
    fn read(&mut self, line: &str, screen: &mut Screen) -> Result<Option<GetFlowsResponse>, Error> {
        let error = match json::read(line, self.unknown) {
            Ok(response) => return Ok(Some(response)),
            Err(error) => error,
        };
        let mut why = error;
        if matches!((self.unknown, &why), (Unknown::Refuse, ReadError::Data(_))) {
            match json::read(line, Unknown::Ignore) {
                Ok(response) => {
                    self.unknown = Unknown::Ignore;
                    let message =
                        "unknown field detected, upgrade the Hubble CLI to get rid of this warning";
                    screen.warn(message, &why.to_string(), None)?;
                    return Ok(Some(response));
                }
                Err(still) => why = still,
            }
        }
        screen.warn(
            "Failed to unmarshal json to flow",
            &why.to_string(),
            Some(line),
        )?;
        Ok(None)
    }
}
