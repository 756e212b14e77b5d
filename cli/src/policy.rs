//! `flows policy`: questions to the policy engine, over a directory of manifests or a running cluster.

mod clean;
mod get;
mod read;
mod render;
mod show;
mod validate;

use std::io::Write as _;

use client::Server;
use proto::flows::v1::{End, TraceRequest, TraceResponse, end, trace_response::Verdict};

use crate::{
    args::{Args, no_format},
    connect::connect,
    error::Error,
};

pub(crate) use get::{endpoints, identities, policies, wait};
pub(crate) use validate::validate;

/// `flows policy trace`.
pub(crate) async fn trace(args: &Args) -> Result<(), Error> {
    let coded = args.switch("exit-code", false)?;
    match answer(args).await {
        Ok(verdict) => match exit_code(verdict, coded) {
            0 => Ok(()),
            code => Err(Error::Answered(code)),
        },
        // 1 means DENIED.
        Err(error) if coded => Err(Error::NoAnswer(Box::new(error))),
        Err(error) => Err(error),
    }
}

/// What a verdict ends the program with: with `--exit-code` 1 means DENIED. That not all have answered is
/// as good as no answer.
fn exit_code(verdict: Verdict, coded: bool) -> u8 {
    match (verdict, coded) {
        (Verdict::Unspecified | Verdict::Unknown, true) => 2,
        (Verdict::Unspecified | Verdict::Unknown, false) => 1,
        (Verdict::Allowed, _) | (Verdict::Denied, false) => 0,
        (Verdict::Denied, true) => 1,
    }
}

/// Shows the answer, and returns its verdict.
async fn answer(args: &Args) -> Result<Verdict, Error> {
    let json = json(args)?;
    let request = request(args)?;
    let answer = match args.value("state") {
        Some(directory) => of_directory(args, &directory, &request)?,
        None => {
            let server = server(args).await?;
            server.trace(request).await.map_err(Error::Request)?
        }
    };
    let verdict = answer.verdict();
    let mut out = anstream::stdout().lock();
    if json {
        proto::json::write_pretty(&mut out, &answer)?;
    } else {
        write!(out, "{}", show::trace(&clean::trace(answer)))?;
    }
    Ok(verdict)
}

/// The server whose policy engine is asked.
async fn server(args: &Args) -> Result<Server, Error> {
    if args.value("enable-policy").is_some() {
        return Err(Error::Usage(
            "--enable-policy goes with --state: a running cluster has its own mode".to_owned(),
        ));
    }
    connect(args).await
}

fn json(args: &Args) -> Result<bool, Error> {
    match args.value("output").as_deref() {
        None | Some("text") => Ok(false),
        Some("json" | "JSON") => Ok(true),
        Some(other) => Err(no_format(other, "text, json")),
    }
}

fn of_directory(
    args: &Args,
    directory: &str,
    request: &TraceRequest,
) -> Result<TraceResponse, Error> {
    let query = explain::proto::trace_query(request)?;
    let known = read::directory(args, directory.as_ref())?;
    known.complain();
    let explanation = known.context().explain(&query)?;
    Ok(explain::proto::trace(&explanation))
}

fn request(args: &Args) -> Result<TraceRequest, Error> {
    let port = args.value("dport");
    if port.as_ref().is_some_and(String::is_empty) {
        return Err(Error::Usage(
            "--dport is empty; leave it out to ask about any port".to_owned(),
        ));
    }
    Ok(TraceRequest {
        source: Some(one_end(args, "src")?),
        destination: Some(one_end(args, "dst")?),
        port: port.unwrap_or_default(),
    })
}

/// Makes one kind of end of its text.
type Kind = fn(String) -> end::Of;

fn one_end(args: &Args, which: &str) -> Result<End, Error> {
    let kinds: [(&str, Kind); 4] = [
        ("pod", end::Of::Pod),
        ("labels", end::Of::Labels),
        ("ip", end::Of::Ip),
        ("entity", end::Of::Entity),
    ];
    let mut given = kinds.iter().filter_map(|(kind, of)| {
        let value = args.value(&format!("{which}-{kind}"))?;
        Some(of(value))
    });
    let wanted = || {
        Error::Usage(format!(
            "name one {}: --{which}-pod, --{which}-labels, --{which}-ip or --{which}-entity",
            if which == "src" {
                "source"
            } else {
                "destination"
            }
        ))
    };
    let end = given.next().ok_or_else(wanted)?;
    match given.next() {
        Some(_) => Err(wanted()),
        None => Ok(End { of: Some(end) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_never_ends_as_if_it_were_allowed() {
        for (verdict, plain, coded) in [
            (Verdict::Allowed, 0, 0),
            (Verdict::Denied, 0, 1),
            (Verdict::Unknown, 1, 2),
            (Verdict::Unspecified, 1, 2),
        ] {
            let codes = (exit_code(verdict, false), exit_code(verdict, true));
            assert_eq!(codes, (plain, coded), "{verdict:?}");
        }
    }
}
