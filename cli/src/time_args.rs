//! `--utc`: in which zone times are shown and read.

use flow::time::Zone;

use crate::{
    error::Error,
    flag::{self, Given, Switch},
};

/// See the module.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TimeArgs {
    /// show times in UTC, not in the local zone (TZ, else /etc/localtime); JSON always is in UTC
    #[arg(long, help_heading = "Output")]
    utc: Option<Given<Switch>>,
}

impl TimeArgs {
    /// The zone.
    ///
    /// # Errors
    /// The flag's value is neither true nor false.
    pub(crate) fn zone(&self) -> Result<Zone, Error> {
        Ok(match flag::is_on(&self.utc)? {
            true => Zone::UTC,
            false => Zone::local(),
        })
    }
}
