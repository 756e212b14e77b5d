//! `flows watch peers`: an agent's nodes, as they come and go.

use std::io::{self, Write};

use flow::print::escape;
use proto::peer::{NotifyRequest, peer_client::PeerClient};

use crate::{args::Args, connect::connect, error::Error};

/// Prints a line per change until the server ends.
pub(crate) async fn peers(args: &Args) -> Result<(), Error> {
    let channel = connect(args).await?;
    let mut stream = PeerClient::new(channel)
        .notify(NotifyRequest {})
        .await?
        .into_inner();
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
