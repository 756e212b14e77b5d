//! Which flows are wanted: the flags' filters and the expressions of `--filter`, cut into what the
//! server evaluates and what is left for us.

use flow::{Filter, filter::Program, flags::Lists, view};
use proto::google::Timestamp;
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use crate::error::Error;

/// What to ask for, and what to do with the answers.
#[derive(Debug)]
pub(crate) struct FilterPlan {
    /// For the server.
    pub(crate) lists: Lists,
    /// All of it.
    pub(crate) filter: Filter,
    /// What of a file's events is looked at: the same, unless it is held against connections.
    pub(crate) events: Filter,
    /// What the lists don't say.
    pub(crate) rest: Option<Filter>,
}

impl FilterPlan {
    /// From the lists of the flags. Without expressions they are asked for as they are; `checked`: not
    /// without being read here first, for what is wrong to be said in our words.
    pub(crate) fn new(
        expressions: &[String],
        lists: Lists,
        is_file: bool,
        checked: bool,
    ) -> Result<Self, Error> {
        let mut all = Vec::new();
        for text in expressions {
            let filter = Filter::parse_expr(text).map_err(|error| {
                let rendered = error.render(text);
                Error::Usage(format!(
                    "invalid argument for \"--filter\" flag:\n{rendered}"
                ))
            })?;
            all.push(filter);
        }
        if all.is_empty() {
            // A file is filtered here; a server says itself what it does not understand.
            let filter = match (is_file, checked) {
                (true, _) => Filter::from_lists(&lists.whitelist, &lists.blacklist)?,
                (false, true) => {
                    let _read = Filter::from_lists(&lists.whitelist, &lists.blacklist)?;
                    Filter::default()
                }
                (false, false) => Filter::default(),
            };
            return Ok(Self {
                events: filter.clone(),
                filter,
                lists,
                rest: None,
            });
        }
        all.insert(0, Filter::from_lists(&lists.whitelist, &lists.blacklist)?);
        let filter = Filter::All(all);
        let pushed = filter.push_down();
        Ok(Self {
            lists: Lists {
                whitelist: pushed.whitelist,
                blacklist: pushed.blacklist,
            },
            events: filter.clone(),
            filter,
            rest: pushed.rest,
        })
    }

    /// The plan to hold the filter against connections: it asks for all events of those that may match.
    /// `None` if the filter is one of events.
    ///
    /// # Errors
    /// The lists can't be read.
    pub(crate) fn for_connections(&self) -> Result<Option<Self>, Error> {
        let mut all = vec![Filter::from_lists(
            &self.lists.whitelist,
            &self.lists.blacklist,
        )?];
        all.push(self.filter.clone());
        let filter = Filter::All(all);
        let Some(asked) = filter.for_connections() else {
            return Ok(None);
        };
        // What the server can't be asked is left to the filter.
        let pushed = asked.push_down();
        Ok(Some(Self {
            lists: Lists {
                whitelist: pushed.whitelist,
                blacklist: pushed.blacklist,
            },
            filter,
            events: asked,
            rest: None,
        }))
    }

    /// What `--print-raw-filters` prints.
    pub(crate) fn yaml(&self) -> Result<String, Error> {
        let mut text = self.lists.yaml()?;
        if let Some(rest) = &self.rest {
            text.push_str(&format!("# evaluated by flows itself: {rest}\n"));
        }
        Ok(text)
    }

    /// Holds answers against what the server could not be asked.
    pub(crate) fn check(&self) -> Check {
        Check {
            rest: self.rest.as_ref().map(Filter::program),
            since: None,
        }
    }
}

/// Holds answers against the rest of the filter.
#[derive(Debug)]
pub(crate) struct Check {
    rest: Option<Program>,
    /// Flows before that are not shown.
    pub(crate) since: Option<Timestamp>,
}

impl Check {
    /// All from a moment on.
    pub(crate) fn since(since: Option<Timestamp>) -> Self {
        Self { rest: None, since }
    }

    /// The server evaluates all of the filter.
    pub(crate) fn is_all(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether to show it. Losses and news of nodes are no flows, and always shown.
    pub(crate) fn passes(&mut self, response: &GetFlowsResponse) -> bool {
        let Some(ResponseTypes::Flow(flow)) = &response.response_types else {
            return true;
        };
        if self.since.is_some() && response.time < self.since {
            return false;
        }
        let rest = self.rest.as_mut();
        rest.is_none_or(|program| program.matches(&view::Message::new(flow)))
    }
}
