//! `flows identity`: the numbers for sets of labels.

use std::io::{self, Write};

use proto::flows::v1::IdentityState;

use super::list::{OutputArgs, as_json, notes, or_none, peer, row};
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{Given, Value},
    line::line,
    table,
};

/// List the identities
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Show an identity's labels, its pods, and policies that select it
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[arg(value_name = "NUMBER")]
    number: Given<Identity>,
}

/// The number of an identity.
#[derive(Clone, Copy, Debug)]
struct Identity(u32);

impl Value for Identity {
    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err((
                format!("{text:?} is not an identity: give its number, as in flows identity list"),
                None,
            )),
        }
    }
}

/// Lists the identities.
pub(crate) async fn list(args: &ListArgs, server: &ServerArgs) -> Result<(), Error> {
    print(args.output.is_json()?, 0, server).await
}

/// Shows an identity.
pub(crate) async fn get(args: &GetArgs, server: &ServerArgs) -> Result<(), Error> {
    let json = args.output.is_json()?;
    let Identity(number) = args.number.get()?;
    print(json, number, server).await
}

/// Prints one identity, or all (0).
async fn print(json: bool, identity: u32, server: &ServerArgs) -> Result<(), Error> {
    let answer = server.connect().await?.list_identities(identity).await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let identities = answer.identities;
    if identity > 0 && identities.is_empty() {
        return Err(Error::Usage(format!("no node has identity {identity}")));
    }
    let mut out = anstream::stdout().lock();
    if json {
        return Ok(as_json(&mut out, &identities)?);
    }
    if identity == 0 {
        list_identities(&mut out, &identities)?;
    } else {
        show_identities(&mut out, &identities)?;
    }
    Ok(())
}

fn list_identities(out: &mut dyn Write, identities: &[IdentityState]) -> io::Result<()> {
    let mut rows = vec![row(["IDENTITY", "PODS", "POLICIES", "LABELS"])];
    for identity in identities {
        rows.push(vec![
            identity.identity.to_string(),
            identity.pods.len().to_string(),
            identity.policies.len().to_string(),
            peer(&identity.labels),
        ]);
    }
    table::write(out, &rows)
}

fn show_identities(out: &mut dyn Write, identities: &[IdentityState]) -> io::Result<()> {
    for identity in identities {
        line!(out, "Identity:  {}", identity.identity)?;
        for (n, label) in identity.labels.iter().enumerate() {
            let head = if n == 0 { "Labels:    " } else { "           " };
            line!(out, "{head}{label}")?;
        }
        line!(out, "Pods:      {}", or_none(&identity.pods.join(", ")))?;
        line!(out, "Policies:  {}", or_none(&identity.policies.join(", ")))?;
    }
    Ok(())
}
