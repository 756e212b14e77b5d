//! The server that the command line names, and the connection to it.

use std::time::Duration;

use client::{Named, Server, Target};

use crate::{args::Args, duration, error::Error};

/// The server the command line and the environment name, else the one there is.
pub(crate) fn target(args: &Args) -> Result<Target, Error> {
    refuse_tls(args)?;
    let last = args
        .flags
        .iter()
        .rev()
        .find(|(name, _)| *name == "lab" || *name == "server");
    let (lab, server) = match last {
        Some(("lab", name)) => (Some(name.clone()), None),
        Some((_, address)) => (None, Some(address.clone())),
        None => (args.value("lab"), args.value("server")),
    };
    let named = match (&server, &lab) {
        (Some(server), _) => Named::Server(server),
        (None, Some(lab)) => Named::Lab(lab),
        (None, None) => Named::Nothing,
    };
    Ok(Target::find(named)?)
}

/// Connects to it.
pub(crate) async fn connect(args: &Args) -> Result<Server, Error> {
    let target = target(args)?;
    let request_timeout = request_timeout(args)?;
    let server = Server::connect(&target, connect_timeout(args)).await?;
    Ok(server.with_request_timeout(request_timeout))
}

/// How long connecting may take.
fn connect_timeout(args: &Args) -> Duration {
    let timeout = args.value("timeout");
    let timeout = timeout.and_then(|text| duration::duration(&text));
    timeout.unwrap_or(Server::CONNECT_TIMEOUT)
}

fn refuse_tls(args: &Args) -> Result<(), Error> {
    if args.switch("port-forward", false)? {
        return Err(Error::Usage(
            "--port-forward is not supported: forward the port with kubectl and use --server"
                .to_owned(),
        ));
    }
    let wants = args.switch("tls", false)? || args.value("basic-auth-username").is_some();
    if wants {
        Err(client::no_tls().into())
    } else {
        Ok(())
    }
}

/// How long a question with one answer may take.
pub(crate) fn request_timeout(args: &Args) -> Result<Duration, Error> {
    match args.value("request-timeout") {
        None => Ok(Server::REQUEST_TIMEOUT),
        Some(text) => duration::duration(&text).ok_or_else(|| {
            Error::Usage(format!(
                "invalid argument \"{text}\" for \"--request-timeout\" flag: time: invalid duration \"{text}\""
            ))
        }),
    }
}
