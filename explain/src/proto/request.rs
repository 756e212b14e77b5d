//! Requests at layer 7: those that are asked about, those of flows, and what is said of them.

use proto::flow::{self as pb, layer7::Record};
use proto::flows::v1 as wire;
use proto::flows::v1::trace_request::Request as Asked;

use super::{path, policy_kind};
use crate::trace::{Layer7Rule, NameResolution, QueryError, Request, RequestError, RequestVerdict};

/// The request of a question, if there is one.
///
/// # Errors
/// It is none.
pub fn trace_request(asked: &wire::TraceRequest) -> Result<Option<Request>, QueryError> {
    let request = asked.request.as_ref().map(|request| match request {
        Asked::Http(http) => {
            Request::http(&http.method, &http.path, &http.host, headers(&http.headers))
        }
        Asked::Dns(dns) => Request::dns(&dns.name),
        Asked::Kafka(kafka) => {
            let topics: Vec<&str> = kafka.topics.iter().map(String::as_str).collect();
            let version = i16::try_from(kafka.api_version);
            let version = version
                .map_err(|_too_large| RequestError::ApiVersion(kafka.api_version.to_string()))?;
            Request::kafka(&kafka.api_key, version, kafka.client_id.as_deref(), &topics)
        }
        Asked::Tls(tls) => Request::tls(&tls.server_name),
    });
    Ok(request.transpose()?)
}

fn headers(headers: &[pb::HttpHeader]) -> Vec<(String, String)> {
    let pairs = headers.iter();
    pairs
        .map(|header| (header.key.clone(), header.value.clone()))
        .collect()
}

/// The request that a flow of layer 7 is about; an answer has it, too. `None`: the flow doesn't tell.
pub fn recorded_request(seen: &pb::Layer7) -> Option<Request> {
    match seen.record.as_ref()? {
        Record::Http(http) => {
            let rest = http
                .url
                .split_once("://")
                .map_or(&*http.url, |(_, rest)| rest);
            let (host, path) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, "/"),
            };
            Request::http(&http.method, path, host, headers(&http.headers)).ok()
        }
        Record::Dns(dns) => Request::dns(&dns.query).ok(),
        Record::Kafka(kafka) => {
            let topic = Some(&*kafka.topic).filter(|topic| !topic.is_empty());
            let version = kafka.api_version.try_into().ok()?;
            Request::kafka(&kafka.api_key, version, None, topic.as_slice()).ok()
        }
    }
}

/// What an end says of a request.
pub(super) fn request_judgement(verdict: &RequestVerdict) -> wire::RequestJudgement {
    wire::RequestJudgement {
        allowed: verdict.allowed,
        rule: verdict.rule.as_ref().and_then(rule),
        failed: verdict.failed.clone().unwrap_or_default(),
        text: verdict.to_string(),
    }
}

pub(super) fn name_resolution(resolution: &NameResolution) -> wire::NameResolution {
    wire::NameResolution {
        name: resolution.name.clone(),
        allowed: resolution.allowed,
        rule: resolution.rule.as_ref().and_then(rule),
        text: resolution.to_string(),
    }
}

fn rule(rule: &Layer7Rule) -> Option<wire::Rule> {
    match rule {
        Layer7Rule::OfPolicy {
            policy,
            path: at,
            text,
        } => Some(wire::Rule {
            kind: policy_kind(policy.kind).into(),
            namespace: policy.namespace.as_deref().unwrap_or_default().to_owned(),
            name: policy.name.to_string(),
            path: Some(path(*at)),
            text: text.clone(),
            ..wire::Rule::default()
        }),
        Layer7Rule::Implicit(_) => None,
    }
}
