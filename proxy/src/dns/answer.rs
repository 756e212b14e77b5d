//! An answer before it leaves: its addresses are in the kernel, and it is reported.

use std::net::IpAddr;

use l7::wire::dns::{Data, Response};
use l7::wire::name::Name;
use tokio::time::timeout;

use super::judge::PendingQuery;
use super::order::NameOrder;
use crate::context::Context;
use crate::names::{LearnError, Learned};
use crate::record::{Dns, Layer7, Record};

/// Names of an answer that are reported to the agent: no chain of aliases is as long.
const MAX_NAMES: usize = 32;
/// AXFR and IXFR (RFC 5936, RFC 1995).
const TRANSFERS: [u16; 2] = [252, 251];

/// Whether a whole zone is asked for: its addresses are not those of the name.
pub(super) fn is_transfer(qtype: u16) -> bool {
    TRANSFERS.contains(&qtype)
}

/// Whether a response is the answer to a question.
pub(super) fn answers(response: &Response<'_>, asked: (&Name, u16)) -> bool {
    match &response.question {
        Some((name, qtype)) => (name, *qtype) == asked,
        // A server that can't read a query repeats no question; it says nothing then either.
        None => response.rcode != 0 && response.answers().next().is_none(),
    }
}

/// Waits until the answer may leave, and reports it.
///
/// # Errors
/// Its addresses could not be put into the kernel: it must not leave. That is reported, too.
pub(super) async fn complete(
    context: &Context,
    order: &NameOrder,
    asked: &PendingQuery,
    response: &Response<'_>,
) -> Result<(), LearnError> {
    let layer7 = of_response(asked, response);
    let teaches = response.has_addresses() && !is_transfer(asked.qtype);
    if let (true, Some(endpoint)) = (teaches, asked.hop.source.endpoint) {
        let learned = Learned {
            endpoint,
            client: asked.hop.client.ip(),
            names: names(asked, response),
            addresses: layer7.addresses.clone(),
            ttl: response.least_ttl().unwrap_or(0),
        };
        let limit = context.limits.answer;
        let learning = async {
            let _turn = order.turn(&asked.name).await;
            context.names.learn(learned).await
        };
        let result = timeout(limit, learning).await;
        if let Err(error) = result.unwrap_or(Err(LearnError::Timeout(limit))) {
            context.counters.answers_unlearned.add();
            publish(context, asked.failed(&error.to_string()));
            return Err(error);
        }
    }
    let latency = asked.began.elapsed();
    for record in &asked.records {
        let layer7 = Layer7::Dns(layer7.clone());
        context.records.push(record.clone().reply(latency, layer7));
    }
    Ok(())
}

/// Pushes records.
pub(super) fn publish(context: &Context, records: impl IntoIterator<Item = Record>) {
    for record in records {
        context.records.push(record);
    }
}

/// The name that was asked for, and the targets of aliases.
fn names(asked: &PendingQuery, response: &Response<'_>) -> Vec<Name> {
    let mut names = vec![asked.name.clone()];
    for record in response.answers() {
        if let Data::Cname(target) = record.data
            && names.len() < MAX_NAMES
            && !names.contains(&target)
        {
            names.push(target);
        }
    }
    names
}

fn of_response(asked: &PendingQuery, response: &Response<'_>) -> Dns {
    let mut dns = Dns {
        query: asked.name.to_string().into(),
        qtype: asked.qtype,
        rcode: response.rcode,
        ttl: response.least_ttl(),
        ..Dns::default()
    };
    for record in response.answers() {
        dns.rrtypes.push(record.rtype);
        match record.data {
            Data::A(bytes) => dns.addresses.push(IpAddr::from(bytes)),
            Data::Aaaa(bytes) => dns.addresses.push(IpAddr::from(bytes)),
            Data::Cname(target) => dns.cnames.push(target.to_string().into()),
            Data::Other => {}
        }
    }
    dns
}
