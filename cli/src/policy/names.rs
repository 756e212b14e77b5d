//! `flows names`: what pods were told for names that they asked DNS for, and what of it is open.

use std::io::{self, Write};

use flow::quantity;
use proto::flows::v1::{ListNamesRequest, ListNamesResponse, ToldName, told_name::State};
use proto::google::Timestamp;

use super::changes::say;
use super::list::{OutputArgs, notes, row, similar};
use crate::{connect::ServerArgs, error::Error, table, text};

const EXAMPLES: &str = "Examples:
  flows names list                                      names that pods asked for
  flows names list --pod production/payment-service     what a pod was told
  flows names list -n production --node worker-1 -o json

STATE: open (a policy of the pod selects the name, and its address is known by it), asked (none does),
not open (one does, but the answer ran out, or there is no room). Answers are kept for an hour beyond
their time to live.";

const GET_EXAMPLES: &str = "Examples:
  flows names get api.stripe.com                        which pods know the name, and since when
  flows names get api.stripe.com --pod production/payment-service -o json";

/// Which names, and how they are printed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    #[command(flatten)]
    output: OutputArgs,
    /// what this pod asked for
    #[arg(long, value_name = "NAMESPACE/POD", help_heading = "Which names")]
    pod: Option<String>,
    /// what pods of this namespace asked for
    #[arg(
        short,
        long,
        value_name = "NAMESPACE",
        conflicts_with = "pod",
        help_heading = "Which names"
    )]
    namespace: Option<String>,
    /// what pods of this node asked for
    #[arg(long, value_name = "NODE", help_heading = "Which names")]
    node: Option<String>,
}

/// List the DNS names that pods asked for, their addresses, and what opens them
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: Which,
}

/// Show which pods asked for a DNS name, its addresses, and what opens them
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    which: Which,
    #[arg(value_name = "NAME")]
    dns_name: String,
}

/// Lists the names.
pub(crate) async fn list(args: &ListArgs, server: &ServerArgs) -> Result<(), Error> {
    print(&args.which, "", server).await
}

/// Shows a name.
pub(crate) async fn get(args: &GetArgs, server: &ServerArgs) -> Result<(), Error> {
    print(&args.which, &args.dns_name, server).await
}

/// Prints what is known of a name, or of all if it is empty.
async fn print(which: &Which, name: &str, server: &ServerArgs) -> Result<(), Error> {
    let json = which.output.is_json()?;
    let mut pod = which.pod.clone().unwrap_or_default();
    if !pod.is_empty() && !pod.contains('/') {
        let Some(namespace) = server.namespace()? else {
            return Err(Error::Hinted(
                format!("--pod {pod} lacks its namespace"),
                format!("--pod NAMESPACE/{pod}; flows endpoint list shows the pods"),
            ));
        };
        pod = format!("{namespace}/{pod}");
    }
    let request = ListNamesRequest {
        pod,
        namespace: which.namespace.clone().unwrap_or_default(),
        node_name: which.node.clone().unwrap_or_default(),
        name: name.to_owned(),
        number: 0,
    };
    let server = server.connect().await?;
    let answer = server.list_names(request.clone()).await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    if answer.node_names.is_empty() && !request.node_name.is_empty() {
        return Err(Error::Hinted(
            format!("no node that answered is {}", request.node_name),
            "flows list nodes shows the nodes".to_owned(),
        ));
    }
    if answer.names.is_empty() && !request.pod.is_empty() {
        let known = server.list_endpoints("").await.map_err(Error::Request)?;
        let known: Vec<String> = known.endpoints.into_iter().map(|it| it.pod).collect();
        if !known.contains(&request.pod) {
            return Err(Error::Usage(format!(
                "no node that answered has a pod {}{}; see `flows endpoint list`",
                request.pod,
                similar(&request.pod, &known)
            )));
        }
    }
    if json {
        proto::json::write_pretty(&mut anstream::stdout().lock(), &answer)?;
    } else if !answer.names.is_empty() {
        list_names(&mut anstream::stdout().lock(), &answer)?;
    }
    for line in remarks(&answer, &request) {
        say(&line)?;
    }
    Ok(())
}

fn list_names(out: &mut dyn Write, answer: &ListNamesResponse) -> io::Result<()> {
    let heading = ["POD", "NAME", "ADDRESS", "TTL LEFT", "STATE", "OPENED BY"];
    let mut rows = vec![row(heading)];
    for name in &answer.names {
        let pod = match &*name.pod {
            "" => format!("{} (no pod)", name.pod_ip),
            pod => pod.to_owned(),
        };
        let alias = if name.is_alias { " (alias)" } else { "" };
        let left = left(name, answer.time);
        rows.push(vec![
            pod,
            format!("{}{alias}", name.name),
            name.address.clone(),
            match left > 0 {
                true => quantity::span(left),
                false => "-".to_owned(),
            },
            state(name, left),
            match name.opened_by.is_empty() {
                true => "-".to_owned(),
                false => name.opened_by.join("; "),
            },
        ]);
    }
    table::write(out, &rows)
}

/// How long (ns) the answer's time to live still runs, by the server's clock.
fn left(name: &ToldName, now: Option<Timestamp>) -> i64 {
    let ns = |time: Option<Timestamp>| time.map_or(0, Timestamp::unix_nanos);
    ns(name.expires).saturating_sub(ns(now))
}

fn state(name: &ToldName, left: i64) -> String {
    let state = match name.state() {
        State::Open => "open",
        State::Asked => "asked",
        State::NotOpen => "not open",
        State::Unspecified => "unknown",
    };
    match left > 0 {
        true => state.to_owned(),
        false => format!(
            "{state}, expired {} ago",
            quantity::span(left.saturating_neg())
        ),
    }
}

/// What the table doesn't say: why there is nothing, and what isn't there.
fn remarks(answer: &ListNamesResponse, request: &ListNamesRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    let has_none = answer.without_proxy.len() >= answer.node_names.len();
    if answer.names.is_empty() && !has_none {
        let who = match (&*request.pod, &*request.namespace) {
            ("", "") => "No pod".to_owned(),
            ("", namespace) => format!("No pod of {namespace}"),
            (pod, _) => pod.to_owned(),
        };
        let what = match &*request.name {
            "" => "any name".to_owned(),
            name => name.to_owned(),
        };
        let verb = if request.pod.is_empty() {
            "was"
        } else {
            "was not"
        };
        remarks.push(format!(
            "{who} {verb} told an address of {what} within the last hour, as far as the proxy saw: it sees queries \
             of pods that rules of DNS select"
        ));
        let of_name = match &*request.name {
            "" => "--protocol dns".to_owned(),
            name => format!("--dns-query {name}"),
        };
        remarks.push(format!(
            "Queries that were refused: flows observe {of_name} --verdict DROPPED"
        ));
    }
    if !answer.without_proxy.is_empty() {
        let nodes = answer.without_proxy.join(", ");
        remarks.push(format!(
            "Note: no names are learned without a proxy: {nodes}; start flows-agent without --l7-proxy=off there"
        ));
    }
    if answer.left_out > 0 {
        let more = text::many(answer.left_out, "more name");
        remarks.push(format!(
            "Note: {more} not shown; use --namespace, --pod or --node"
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn name(name: &str, state: State, expires: i64) -> ToldName {
        ToldName {
            pod: "production/payment".to_owned(),
            pod_ip: "10.0.0.1".to_owned(),
            node_name: "one".to_owned(),
            name: name.to_owned(),
            address: "203.0.113.10".to_owned(),
            expires: at(expires),
            state: state.into(),
            ..ToldName::default()
        }
    }

    #[test]
    fn the_table_says_what_is_open_and_by_what() {
        let answer = ListNamesResponse {
            names: vec![
                ToldName {
                    opened_by: vec!["cnp production/p: toFQDNs api.org on 443/TCP".to_owned()],
                    ..name("api.org", State::Open, 124)
                },
                ToldName {
                    pod: String::new(),
                    is_alias: true,
                    ..name("cdn.net", State::Asked, 60)
                },
            ],
            time: at(100),
            ..ListNamesResponse::default()
        };
        let mut out = Vec::new();
        list_names(&mut out, &answer).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        POD                  NAME              ADDRESS        TTL LEFT   STATE                     OPENED BY
        production/payment   api.org           203.0.113.10   24 s       open                      cnp production/p: toFQDNs api.org on 443/TCP
        10.0.0.1 (no pod)    cdn.net (alias)   203.0.113.10   -          asked, expired 40 s ago   -
        ");
    }

    #[test]
    fn an_empty_answer_says_why() {
        let nodes = |without_proxy: &[&str]| ListNamesResponse {
            node_names: vec!["one".to_owned(), "two".to_owned()],
            without_proxy: without_proxy.iter().map(|&node| node.to_owned()).collect(),
            left_out: 0,
            ..ListNamesResponse::default()
        };
        let all = ListNamesRequest::default();
        let of_pod = ListNamesRequest {
            pod: "shop/web".to_owned(),
            name: "api.org".to_owned(),
            ..ListNamesRequest::default()
        };
        let texts = [
            remarks(&nodes(&["one", "two"]), &all),
            remarks(&nodes(&["two"]), &all),
            remarks(&nodes(&[]), &of_pod),
            remarks(
                &ListNamesResponse {
                    names: vec![name("api.org", State::Open, 1)],
                    left_out: 7,
                    ..nodes(&[])
                },
                &all,
            ),
        ];
        insta::assert_snapshot!(texts.map(|lines| lines.join("\n")).join("\n--\n"), @"
        Note: no names are learned without a proxy: one, two; start flows-agent without --l7-proxy=off there
        --
        No pod was told an address of any name within the last hour, as far as the proxy saw: it sees queries of pods that rules of DNS select
        Queries that were refused: flows observe --protocol dns --verdict DROPPED
        Note: no names are learned without a proxy: two; start flows-agent without --l7-proxy=off there
        --
        shop/web was not told an address of api.org within the last hour, as far as the proxy saw: it sees queries of pods that rules of DNS select
        Queries that were refused: flows observe --dns-query api.org --verdict DROPPED
        --
        Note: 7 more names not shown; use --namespace, --pod or --node
        ");
    }
}
