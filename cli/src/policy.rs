//! `flows policy`: questions to the policy engine, over a directory of manifests or a running cluster.

mod clean;
mod get;
mod read;
mod render;
mod show;
mod validate;

use std::io::Write as _;

use flow::print::escape;
use proto::flows::v1::{
    End, TraceRequest, TraceResponse, end, policy_client::PolicyClient, trace_response::Verdict,
};
use tonic::{Code, transport::Channel};

use crate::{
    args::{Args, no_format},
    connect::{connect, request_timeout},
    error::Error,
};

pub(crate) use get::{endpoints, identities, policies, wait};
pub(crate) use validate::validate;

/// The most that a message may hold, bytes: manifests of a whole cluster.
const LARGEST: usize = 64 << 20;

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
            let mut client = client(args).await?;
            let mut request = tonic::Request::new(request);
            request.set_timeout(request_timeout(args)?);
            client.trace(request).await.map_err(refused)?.into_inner()
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

/// The server's policy engine.
async fn client(args: &Args) -> Result<PolicyClient<Channel>, Error> {
    if args.value("enable-policy").is_some() {
        return Err(Error::Usage(
            "--enable-policy goes with --state: a running cluster has its own mode".to_owned(),
        ));
    }
    let channel = connect(args).await?;
    Ok(PolicyClient::new(channel)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST))
}

/// A server's answer to a question, in its own words where it has some.
fn refused(status: tonic::Status) -> Error {
    const OWN_WORDS: [Code; 3] = [
        Code::InvalidArgument,
        Code::NotFound,
        Code::FailedPrecondition,
    ];
    if OWN_WORDS.contains(&status.code()) {
        Error::Usage(escape(status.message()))
    } else if status.code() == Code::Unimplemented {
        Error::Usage(
            "the server doesn't answer questions on policy: it is not a flows agent or relay"
                .to_owned(),
        )
    } else {
        Error::Usage(unanswered(&status))
    }
}

/// Why there is no answer, without the words of the library that carries it.
fn unanswered(status: &tonic::Status) -> String {
    let own = |else_: &str| match status.message() {
        "" | "transport error" => else_.to_owned(),
        words => escape(words),
    };
    match status.code() {
        Code::DeadlineExceeded | Code::Cancelled => {
            "no answer in time (--request-timeout sets how long to wait)".to_owned()
        }
        Code::Unavailable => format!(
            "the server can't answer now: {}",
            own("the connection was lost")
        ),
        // Too many calls, or a request too large for ever: only the server's words tell which.
        Code::ResourceExhausted => own("the server has too much to do, try again"),
        Code::OutOfRange => "the answer is larger than 64 MiB".to_owned(),
        Code::PermissionDenied | Code::Unauthenticated => {
            format!(
                "the server refuses to answer: {}",
                own("no reason is given")
            )
        }
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => format!("the server failed: {}", own("no reason is given")),
    }
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
    use tonic::Status;

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

    #[test]
    fn what_is_too_much_is_said_in_the_servers_words() {
        let large = "the request has more than 4194304 bytes; send at most 4194304";
        for (words, text) in [
            (large, large),
            ("", "the server has too much to do, try again"),
        ] {
            let said = unanswered(&Status::resource_exhausted(words));
            assert_eq!(said, text);
        }
    }
}
