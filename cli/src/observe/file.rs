//! Flows from a file of JSON lines, with the filtering a server would do.

use std::{
    borrow::Cow,
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use flow::{filter::Program, view};
use proto::{
    google::Timestamp,
    json::{LONGEST, Lines, NotAFlow, ReadError},
    observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes},
};

use super::{Output, empty::Seen, request::Selection};
use crate::{error::Error, filter_args::FilterArgs};

/// Bytes read at a time: what the processor's caches hold until it is looked at.
const READ: usize = 64 << 10;
/// Unreadable lines that are each told.
const TOLD: u64 = 3;

/// Shows the flows of a file, or of standard input (`-`), that a request asks for, in file order.
pub(crate) fn show(
    path: &Path,
    request: &GetFlowsRequest,
    filter: Program,
    selection: &Selection,
    filters: &FilterArgs,
    output: &mut Output,
) -> Result<(), Error> {
    // Of connections all events are read first.
    let all = Selection::default();
    let selection = if output.connections.is_some() {
        &all
    } else {
        selection
    };
    let mut shown = Shown {
        request,
        filter,
        selection,
        last: VecDeque::new(),
        count: 0,
        found: false,
        unreadable: Unreadable::default(),
        seen: output.connections.is_some().then(Seen::default),
    };
    read(path, |item| {
        match item {
            FileItem::Read(read) => shown.take(read, output)?,
            FileItem::TooLong(line) => shown.take_too_long(line, output)?,
        }
        Ok(!shown.is_full())
    })?;
    for response in &shown.last {
        output.print(response)?;
    }
    if let (Some(rows), Some(seen)) = (&mut output.connections, &shown.seen)
        && rows.is_empty()
    {
        rows.explain_nothing(seen.why(filters));
    }
    shown
        .unreadable
        .finish(&path.to_string_lossy(), shown.found, output)
}

/// What a line of a file holds.
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
pub(crate) enum FileItem {
    /// A flow, or what else a server sends, or what is neither.
    Read(Result<proto::json::Read, NotAFlow>),
    /// Nothing that is looked at: the number of a line longer than [`LONGEST`].
    TooLong(u64),
}

/// Reads a file, or standard input (`-`), as long as `take` wants more.
pub(crate) fn read(
    path: &Path,
    mut take: impl FnMut(FileItem) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| Error::Input {
            path: path.to_owned(),
            error,
        })?;
        Box::new(BufReader::with_capacity(READ, file))
    };
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut lines = Lines::default();
    let mut line = Vec::new();
    let mut goes_on = true;
    while goes_on {
        line.clear();
        let read = (&mut input)
            .take(longest + 1)
            .read_until(b'\n', &mut line)?;
        let mut take_read = |read| {
            goes_on = take(FileItem::Read(read))?;
            Ok::<(), Error>(())
        };
        if read == 0 {
            return lines.end(&mut take_read);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        if line.len() > LONGEST {
            input.skip_until(b'\n')?;
            goes_on = take(FileItem::TooLong(lines.skip()))?;
            continue;
        }
        // What is valid is nearly all, and found out faster than what to replace.
        let text = match str::from_utf8(&line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_invalid) => String::from_utf8_lossy(&line),
        };
        lines.push(&text, &mut take_read)?;
    }
    Ok(())
}

/// What is shown of a file.
struct Shown<'a> {
    request: &'a GetFlowsRequest,
    filter: Program,
    selection: &'a Selection,
    /// The last ones, if only those are wanted.
    last: VecDeque<GetFlowsResponse>,
    count: u64,
    /// There was something to show, whether or not it was wanted.
    found: bool,
    unreadable: Unreadable,
    /// What there was, to say why nothing is shown.
    seen: Option<Seen>,
}

impl Shown<'_> {
    fn is_full(&self) -> bool {
        self.count > 0 && self.count == self.selection.first
    }

    fn take_too_long(&mut self, number: u64, output: &mut Output) -> Result<(), Error> {
        let why = format!("line {number} is longer than {LONGEST} bytes");
        if output.is_ours() {
            return self.unreadable.take(number, why, self.found, output);
        }
        // Else a file of nothing but such lines would look like one without flows.
        self.unreadable.first.get_or_insert(number);
        output.warn("Failed to unmarshal json to flow", &why, None)
    }

    fn take(
        &mut self,
        read: Result<proto::json::Read, NotAFlow>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let response = match read {
            Ok(read) if output.is_ours() && read.response.response_types.is_none() => {
                let words = format!("line {} is not a flow", read.line);
                return self.unreadable.take(read.line, words, self.found, output);
            }
            Ok(read) => {
                if let Some(why) = read.unknown {
                    warn_of_unknown(read.line, &why, output)?;
                }
                read.response
            }
            // Between documents people leave blank lines.
            Err(bad) if output.is_ours() && bad.text.trim().is_empty() => return Ok(()),
            Err(bad) if output.is_ours() => {
                return self
                    .unreadable
                    .take(bad.line, words(&bad), self.found, output);
            }
            Err(bad) => {
                self.unreadable.first.get_or_insert(bad.line);
                let why = bad.why.to_string();
                return output.warn("Failed to unmarshal json to flow", &why, Some(&bad.text));
            }
        };
        if let (Some(seen), Some(ResponseTypes::Flow(flow))) =
            (&mut self.seen, &response.response_types)
        {
            seen.push(flow);
        }
        if !self.found && response.response_types.is_some() {
            self.found = true;
            self.unreadable.tell(output)?;
        }
        // A response without a time is one of 1970.
        let time = response.time.unwrap_or_default();
        if !within(time, self.request) || !matches(&mut self.filter, &response) {
            return Ok(());
        }
        if self.selection.last > 0 {
            if self.last.len() as u64 == self.selection.last {
                self.last.pop_front();
            }
            self.last.push_back(response);
            return Ok(());
        }
        self.count += 1;
        output.print(&response)?;
        output.tick()
    }
}

fn within(time: Timestamp, request: &GetFlowsRequest) -> bool {
    request.since.is_none_or(|since| time >= since)
        && request.until.is_none_or(|until| time <= until)
}

fn matches(filter: &mut Program, response: &GetFlowsResponse) -> bool {
    match view::of_response(response) {
        Ok(flow) => filter.matches(flow),
        Err(none) => filter.matches(&none),
    }
}

/// Lines that are no flows. In Hubble's formats each is told as Hubble tells it. In ours the first
/// ones are, once it is clear that there are flows among them.
#[derive(Default)]
struct Unreadable {
    first: Option<u64>,
    /// Not told so far.
    held: Vec<String>,
    count: u64,
}

impl Unreadable {
    fn take(
        &mut self,
        line: u64,
        words: String,
        found: bool,
        output: &mut Output,
    ) -> Result<(), Error> {
        self.first.get_or_insert(line);
        self.count += 1;
        if self.count <= TOLD {
            self.held.push(words);
        }
        if found { self.tell(output) } else { Ok(()) }
    }

    fn tell(&mut self, output: &mut Output) -> Result<(), Error> {
        for words in self.held.drain(..) {
            output.say(&words)?;
        }
        Ok(())
    }

    /// Says how many more there were; it is an error if nothing else was there.
    fn finish(&self, path: &str, found: bool, output: &mut Output) -> Result<(), Error> {
        if let Some(line) = self.first.filter(|_| !found) {
            let text = format!("{path}: line {line} is not a flow (JSON lines expected)");
            let hint = "`flows observe -o json > flows.jsonl` writes such a file";
            return Err(Error::Hinted(text, hint.to_owned()));
        }
        match self.count.saturating_sub(TOLD) {
            0 => Ok(()),
            1 => output.say("1 more line is not a flow"),
            more => output.say(&format!("{more} more lines are not flows")),
        }
    }
}

/// `line 7 is not a flow: ...`, or what was expected where there is no JSON at all.
fn words(bad: &NotAFlow) -> String {
    let line = bad.line;
    match &bad.why {
        ReadError::Syntax(_) => format!("line {line} is not a flow (JSON lines expected)"),
        ReadError::Data(_) => format!("line {line} is not a flow: {}", why(&bad.why)),
        ReadError::Decode(_) => format!("line {line} is not a flow"),
    }
}

/// The reason without the place in the text, which is not one in the file.
fn why(error: &ReadError) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

fn warn_of_unknown(line: u64, error: &ReadError, output: &mut Output) -> Result<(), Error> {
    if output.is_ours() {
        let why = why(error);
        return output.say(&format!(
            "line {line}: {why}; what this version doesn't know is left out"
        ));
    }
    let message = "unknown field detected, upgrade the Hubble CLI to get rid of this warning";
    output.warn(message, &error.to_string(), None)
}
