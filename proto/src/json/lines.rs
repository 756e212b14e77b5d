//! Flows as people keep them in files: responses or bare flows, one per line or spread over several
//! (as `jq` prints them), alone or in an array.

use super::{ReadError, Unknown, read};
use crate::flow::{Flow, LostEvent};
use crate::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

/// Longest text of one flow (bytes); an explained one has a few thousand.
pub const LONGEST: usize = 1 << 20;

/// What is no flow.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not a flow: {why}")]
pub struct NotAFlow {
    /// Where it begins, from 1.
    pub line: u64,
    /// What stands there.
    pub text: String,
    /// Why it can't be read.
    #[source]
    pub why: ReadError,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// Where it begins, from 1.
    pub line: u64,
    /// The flow, or what else a server sends.
    pub response: GetFlowsResponse,
    /// What was unknown in it, the first time only: from then on it is left out silently.
    pub unknown: Option<ReadError>,
}

/// Reads flows from lines.
#[derive(Debug)]
pub struct Lines {
    unknown: Unknown,
    /// The last one was a bare flow.
    bare: bool,
    /// Lines so far.
    number: u64,
    /// An object that is not complete.
    open: Option<Open>,
}

/// An object spread over lines.
#[derive(Debug)]
struct Open {
    line: u64,
    indent: usize,
    text: String,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            unknown: Unknown::Refuse,
            bare: false,
            number: 0,
            open: None,
        }
    }
}

impl Lines {
    /// For who isn't told of unknown fields.
    pub fn lenient() -> Self {
        Self {
            unknown: Unknown::Ignore,
            ..Self::default()
        }
    }

    /// Takes the next line, without its end; `each` gets what is complete with it.
    ///
    /// # Errors
    /// `each` fails.
    pub fn push<E>(
        &mut self,
        line: &str,
        mut each: impl FnMut(Result<Read, NotAFlow>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.number += 1;
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some(open) = &mut self.open {
            // Another one begins where this one should have ended.
            if indent > open.indent || !text.starts_with('{') {
                open.text.push('\n');
                open.text.push_str(line);
                let ended = indent <= open.indent && text.starts_with('}');
                if ended || open.text.len() > LONGEST {
                    self.end(each)?;
                }
                return Ok(());
            }
            self.end(&mut each)?;
        }
        match text {
            "{" => {
                self.open = Some(Open {
                    line: self.number,
                    indent,
                    text: line.to_owned(),
                });
                Ok(())
            }
            // The marks of an array around the flows.
            "[" | "]" => Ok(()),
            _ => each(self.read(self.number, line)),
        }
    }

    /// There are no more lines.
    ///
    /// # Errors
    /// `each` fails.
    pub fn end<E>(
        &mut self,
        mut each: impl FnMut(Result<Read, NotAFlow>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.open.take() {
            Some(open) => each(self.read(open.line, &open.text)),
            None => Ok(()),
        }
    }

    /// Lines so far.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Counts a line that was not kept.
    pub fn skip(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn read(&mut self, line: u64, text: &str) -> Result<Read, NotAFlow> {
        // Where lines are those of an array, a comma stands between them.
        let bare = text.trim_end().strip_suffix(',');
        let object = bare.filter(|text| text.ends_with('}')).unwrap_or(text);
        let read = self.response(object).map(|(response, unknown)| Read {
            line,
            response,
            unknown,
        });
        read.map_err(|why| NotAFlow {
            line,
            text: text.to_owned(),
            why,
        })
    }

    /// With what was unknown in it, if that is to be told.
    fn response(&mut self, text: &str) -> Result<(GetFlowsResponse, Option<ReadError>), ReadError> {
        if self.bare
            && let Some(response) = bare(text, self.unknown)
        {
            return Ok((response, None));
        }
        let wrapped = read::<GetFlowsResponse>(text, self.unknown);
        let why = match wrapped {
            Ok(response) if !is_empty(&response) => {
                self.bare = false;
                return Ok((response, None));
            }
            Err(why @ ReadError::Syntax(_)) => return Err(why),
            other => other,
        };
        if let Some(response) = bare(text, self.unknown) {
            self.bare = true;
            return Ok((response, None));
        }
        let why = match why {
            Err(why) if self.unknown == Unknown::Refuse => why,
            other => return other.map(|response| (response, None)),
        };
        let response = read::<GetFlowsResponse>(text, Unknown::Ignore)?;
        let bare = is_empty(&response).then(|| bare(text, Unknown::Ignore));
        self.unknown = Unknown::Ignore;
        self.bare = matches!(bare, Some(Some(_)));
        Ok((bare.flatten().unwrap_or(response), Some(why)))
    }
}

fn is_empty(response: &GetFlowsResponse) -> bool {
    response.response_types.is_none() && response.node_name.is_empty() && response.time.is_none()
}

/// Whether there is more in it than what stands in a response, too.
fn says_something(flow: &Flow) -> bool {
    flow.verdict != 0
        || flow.event_type.is_some()
        || flow.ip.is_some()
        || flow.l4.is_some()
        || flow.source.is_some()
        || flow.destination.is_some()
}

/// What was printed without the response around it.
fn bare(text: &str, unknown: Unknown) -> Option<GetFlowsResponse> {
    if let Ok(flow) = read::<Flow>(text, unknown)
        && says_something(&flow)
    {
        return Some(GetFlowsResponse {
            node_name: flow.node_name.clone(),
            time: flow.time,
            response_types: Some(ResponseTypes::Flow(flow)),
        });
    }
    let lost = read::<LostEvent>(text, unknown).ok()?;
    (lost.num_events_lost > 0).then(|| GetFlowsResponse {
        response_types: Some(ResponseTypes::LostEvents(lost)),
        ..GetFlowsResponse::default()
    })
}
