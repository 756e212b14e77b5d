//! Rules of layer 7 as people say them.

use l7::http::{Header, RuleSpec};
use l7::kafka;
use l7::rules::Allows;

use crate::bounded;

/// What may be said, for people: `HTTP GET /public or POST /orders`; `None`: anything.
pub(crate) fn said(allows: &Allows) -> Option<String> {
    let (kind, rules): (&str, Vec<String>) = match allows {
        Allows::Everything => return None,
        Allows::Http(specs) => ("HTTP", specs.iter().map(http_text).collect()),
        Allows::Kafka(specs) => {
            let rules = specs.iter().map(kafka::Rule::try_from);
            let text = |rule: Result<kafka::Rule, _>| rule.map(|rule| rule.to_string());
            ("Kafka", rules.filter_map(|rule| text(rule).ok()).collect())
        }
        Allows::Dns(specs) => {
            let names = specs
                .iter()
                .flat_map(|spec| [&spec.match_name, &spec.match_pattern]);
            ("DNS", names.flatten().map(ToString::to_string).collect())
        }
        Allows::ServerNames(names) => ("TLS", names.iter().map(ToString::to_string).collect()),
    };
    Some(match rules.is_empty() {
        true => format!("{kind}, nothing"),
        false => format!("{kind} {}", bounded::list(&rules, " or ")),
    })
}

/// One of the rules of layer 7, for people: `GET /public`.
pub fn item(allows: &Allows, index: usize) -> Option<String> {
    match allows {
        Allows::Everything => None,
        Allows::Http(specs) => specs.get(index).map(http_text),
        Allows::Kafka(specs) => {
            let rule = kafka::Rule::try_from(specs.get(index)?).ok()?;
            Some(rule.to_string())
        }
        Allows::Dns(specs) => {
            let spec = specs.get(index)?;
            let names = [&spec.match_name, &spec.match_pattern]
                .into_iter()
                .flatten();
            Some(bounded::list(
                &names.map(ToString::to_string).collect::<Vec<_>>(),
                " or ",
            ))
        }
        Allows::ServerNames(names) => names.get(index).map(|name| bounded::item(name)),
    }
}

fn http_text(spec: &RuleSpec) -> String {
    let RuleSpec {
        path,
        method,
        host,
        headers,
        header_matches,
    } = spec;
    let mut parts: Vec<String> = [method, path]
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    parts.extend(host.iter().map(|host| format!("host {host}")));
    // Their values may be secret, and these texts stand in flows and explanations: a policy's own text has them.
    let headers = headers.iter().map(|text| Header::from_text(text));
    parts.extend(headers.map(|Header { name, value }| match value {
        None => format!("header {name}"),
        Some(_) => format!("header {name} with a value"),
    }));
    let names = header_matches.iter().map(|item| &item.name);
    parts.extend(names.map(|name| format!("header {name}")));
    match parts.is_empty() {
        true => "any request".to_owned(),
        false => parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_headers_are_not_told() {
        let spec = RuleSpec {
            method: Some("GET".into()),
            headers: vec!["X-Token: secret".into(), "X-Here".into()],
            ..RuleSpec::default()
        };
        let text = said(&Allows::Http(vec![spec]));
        let wanted = "HTTP GET header X-Token with a value header X-Here";
        assert_eq!(text.as_deref(), Some(wanted));
    }
}
