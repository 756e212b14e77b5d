//! `flows watch peers`: an agent's nodes, as they come and go.

use std::io::{self, Write};

use client::RequestError;
use flow::print::escape;

use crate::{connect::ServerArgs, error::Error};

/// Which servers have no list of nodes, and who has.
fn explained(error: RequestError) -> Error {
    if !error.is_unsupported() {
        return error.into();
    }
    Error::Hinted(
        "this server has no peer service: a relay doesn't; agents do".to_owned(),
        "ask an agent: flows watch peers --server unix:///run/flows/LAB/NODE/hubble.sock; `flows list nodes` shows a relay's nodes".to_owned(),
    )
}

/// Prints a line per change until the server ends.
pub(crate) async fn peers(server: &ServerArgs) -> Result<(), Error> {
    let server = server.connect().await?;
    let mut stream = server.peers().await.map_err(explained)?;
    while let Some(change) = stream.message().await? {
        let tls = change
            .tls
            .as_ref()
            .map(|tls| format!(" (TLS.ServerName: {})", tls.server_name));
        let kind = change.r#type().as_str_name();
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{kind:<12} {} {}{}",
            escape(&change.address),
            escape(&change.name),
            escape(&tls.unwrap_or_default())
        )?;
        out.flush()?;
    }
    Ok(())
}
