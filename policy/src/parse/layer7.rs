//! Rules of layer 7 of an item of `toPorts`, and selectors of `toFQDNs`. What they mean, and what is wrong with
//! one, is `l7`'s; where it stands is found here.

use l7::http::{Action, HeaderMatch, Rule, RuleField, RuleSpec, SecretRef, Wrong};
use l7::kafka;
use l7::names::{DnsRule, FqdnSelector, NameField, NameRuleError, NameSpec, server_name};
use l7::placement::{PlacementError, Port, PortRule};
use l7::rules::{Allows, Direction};

use super::field::{Field, FieldErrors, Refused};
use super::peers;
use crate::cancel;
use crate::rule::Peer;

/// Fields of an item of `toPorts` beside its ports.
pub(super) const FIELDS: [&str; 5] = [
    "rules",
    "serverNames",
    "terminatingTLS",
    "originatingTLS",
    "listener",
];

/// What an item of `toPorts` allows on its ports; `ports`: as far as they could be read.
pub(super) fn allows(
    item: &Field<'_>,
    direction: Direction,
    ports: Option<&[Port]>,
) -> Result<Allows, Refused> {
    let mut errors = FieldErrors::default();
    let rules = item.get("rules");
    if let Some(rules) = &rules {
        errors.record(rules.only(&["http", "dns", "kafka", "l7", "l7proto"], &[]));
    }
    let mut list = |name: &str| {
        let field = rules.as_ref()?.get(name)?;
        errors.record(field.list())
    };
    let [http, dns, kafka, l7] = ["http", "dns", "kafka", "l7"].map(&mut list);
    let l7proto = rules.as_ref().and_then(|rules| rules.get("l7proto"));
    let l7proto = l7proto.and_then(|field| errors.record(field.text()));
    let keys = |entry: &Field<'_>| {
        let entries = entry.entries()?;
        Ok(entries.iter().map(|(key, _)| Box::from(*key)).collect())
    };
    let keys = l7
        .as_ref()
        .and_then(|l7| errors.record(FieldErrors::all(l7.iter().map(keys))));
    let names = item.get("serverNames");
    let names = names.and_then(|field| errors.record(server_names(&field)));
    let names = names.unwrap_or_default();
    let listener = item.get("listener");
    let listener = listener.map(|listener| listener.node.text("name").unwrap_or_default());
    if let Some(ports) = ports {
        let shape = PortRule {
            direction,
            is_host: false,
            ports,
            http: http.as_ref().map(Vec::len),
            dns: dns.as_ref().map(Vec::len),
            kafka: kafka.as_ref().map(Vec::len),
            l7: keys.as_deref(),
            l7proto: l7proto.filter(|name| !name.is_empty()),
            server_names: &names,
            terminates_tls: item.get("terminatingTLS").is_some(),
            originates_tls: item.get("originatingTLS").is_some(),
            listener,
        };
        errors.record(shape.check().map_err(|wrong| misplaced(item, &wrong)));
    }
    let all = |specs: Option<&Vec<Field<'_>>>| specs.map_or(0, Vec::len);
    let allows = if let Some(http) = http.filter(|http| !http.is_empty()) {
        let specs = FieldErrors::all(cancel::each(&http).map(http_rule));
        Allows::Http(errors.record(specs).unwrap_or_default())
    } else if let Some(dns) = dns.filter(|dns| !dns.is_empty()) {
        let specs = FieldErrors::all(cancel::each(&dns).map(|item| {
            let spec = name_spec(item)?;
            match DnsRule::new(&spec) {
                Ok(_) => Ok(spec),
                Err(wrong) => Err(wrong_name(item, &wrong)),
            }
        }));
        Allows::Dns(errors.record(specs).unwrap_or_default())
    } else if all(kafka.as_ref()) > 0 {
        let specs = FieldErrors::all(cancel::each(kafka.iter().flatten()).map(kafka_rule));
        Allows::Kafka(errors.record(specs).unwrap_or_default())
    } else if !names.is_empty() {
        Allows::ServerNames(names)
    } else {
        Allows::Everything
    };
    errors.finish(allows)
}

/// `toFQDNs` of an element.
pub(super) fn to_fqdns(field: &Field<'_>) -> Result<Vec<peers::Said>, Refused> {
    FieldErrors::all(cancel::each(&field.list()?).map(|item| {
        let spec = name_spec(item)?;
        let selector = FqdnSelector::new(&spec).map_err(|wrong| wrong_name(item, &wrong))?;
        Ok(match selector.pattern() {
            Some(pattern) => {
                let text = pattern.text();
                (vec![Peer::Name(text.into())], text.to_owned())
            }
            // The root has no addresses.
            None => (Vec::new(), "no name".to_owned()),
        })
    }))
}

/// An item of `rules.http`.
fn http_rule(item: &Field<'_>) -> Result<RuleSpec, Refused> {
    let spec = http_spec(item)?;
    let Err(wrong) = Rule::new(&spec) else {
        return Ok(spec);
    };
    let remedy = match (&wrong.wrong, wrong.field) {
        (Wrong::Regexp(_), _) => {
            "write a regular expression of RE2: no lookaround, no backreferences"
        }
        (Wrong::HeaderName, _) => "add the header's name",
        (Wrong::NotAName(_), _) => "write the name alone; its value goes to value",
        (Wrong::Control, _) => "write a value of one line",
        (Wrong::NotChanged(_), _) => "remove mismatch, or use LOG",
        (Wrong::SecretName, _) => "add the secret's name",
    };
    let field: RuleField = wrong.field;
    Err(item
        .below(&field.to_string())
        .refuse(wrong.wrong.to_string(), remedy))
}

/// An item of `rules.http` as written.
pub(super) fn http_spec(item: &Field<'_>) -> Result<RuleSpec, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(item.only(&["path", "method", "host", "headers", "headerMatches"], &[]));
    let [path, method, host] =
        ["path", "method", "host"].map(|name| errors.record(text(item, name)).flatten());
    let headers = item.get("headers");
    let headers = headers.and_then(|field| errors.record(texts(&field)));
    let matches = item.get("headerMatches");
    let matches = matches.and_then(|field| errors.record(field.list()));
    let matches = FieldErrors::all(matches.iter().flatten().map(header_match));
    let header_matches = errors.record(matches).unwrap_or_default();
    errors.finish(RuleSpec {
        path,
        method,
        host,
        headers: headers.unwrap_or_default(),
        header_matches,
    })
}

fn header_match(item: &Field<'_>) -> Result<HeaderMatch, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(item.only(&["name", "value", "secret", "mismatch"], &[]));
    let name = errors.record(text(item, "name")).flatten();
    let value = errors.record(text(item, "value")).flatten();
    let secret = item
        .get("secret")
        .and_then(|field| errors.record(secret(&field)));
    let mismatch = item
        .get("mismatch")
        .and_then(|field| errors.record(action(&field)).flatten());
    errors.finish(HeaderMatch {
        name: name.unwrap_or_default(),
        value,
        secret,
        mismatch,
    })
}

fn secret(field: &Field<'_>) -> Result<SecretRef, Refused> {
    field.only(&["namespace", "name"], &[])?;
    Ok(SecretRef {
        namespace: text(field, "namespace")?.unwrap_or_default(),
        name: text(field, "name")?.unwrap_or_default(),
    })
}

fn action(field: &Field<'_>) -> Result<Option<Action>, Refused> {
    match field.text()? {
        "" => Ok(None),
        "LOG" => Ok(Some(Action::Log)),
        "ADD" => Ok(Some(Action::Add)),
        "DELETE" => Ok(Some(Action::Delete)),
        "REPLACE" => Ok(Some(Action::Replace)),
        other => Err(field.refuse(
            format!("Invalid header action: {other}"),
            "use LOG, ADD, DELETE or REPLACE",
        )),
    }
}

/// An item of `rules.kafka`.
fn kafka_rule(item: &Field<'_>) -> Result<kafka::RuleSpec, Refused> {
    let spec = kafka_spec(item)?;
    let Err(wrong) = kafka::Rule::try_from(&spec) else {
        return Ok(spec);
    };
    let (field, remedy) = match &wrong {
        kafka::RuleError::RoleAndApiKey { .. } => ("apiKey", "remove one of role and apiKey"),
        kafka::RuleError::Role(_) => ("role", "use produce or consume"),
        kafka::RuleError::ApiKey(_) => ("apiKey", "use a key such as produce, fetch or metadata"),
        kafka::RuleError::ApiVersion(_) => ("apiVersion", "use a quoted number from 0 to 32767"),
        kafka::RuleError::TopicTooLong => ("topic", "use at most 255 characters"),
        kafka::RuleError::Topic(_) => (
            "topic",
            "use letters, digits, dots, dashes and underscores: there are no patterns",
        ),
    };
    Err(item.below(field).refuse(wrong.to_string(), remedy))
}

/// An item of `rules.kafka` as written.
pub(super) fn kafka_spec(item: &Field<'_>) -> Result<kafka::RuleSpec, Refused> {
    let mut errors = FieldErrors::default();
    let fields = ["role", "apiKey", "apiVersion", "clientID", "topic"];
    errors.record(item.only(&fields, &[]));
    let [role, api_key, api_version, client_id, topic] = fields.map(|name| {
        let text = errors.record(text(item, name)).flatten();
        text.map(String::from)
    });
    errors.finish(kafka::RuleSpec {
        role,
        api_key,
        api_version,
        client_id,
        topic,
    })
}

/// An item of `rules.dns` or `toFQDNs` as written.
pub(super) fn name_spec(item: &Field<'_>) -> Result<NameSpec, Refused> {
    let mut errors = FieldErrors::default();
    errors.record(item.only(&["matchName", "matchPattern"], &[]));
    let [match_name, match_pattern] =
        ["matchName", "matchPattern"].map(|name| errors.record(text(item, name)).flatten());
    errors.finish(NameSpec {
        match_name,
        match_pattern,
    })
}

fn wrong_name(item: &Field<'_>, wrong: &NameRuleError) -> Refused {
    let (field, remedy) = match wrong {
        NameRuleError::Both => (
            item.clone(),
            "write two items of the list: they are alternatives",
        ),
        NameRuleError::Pattern { field, text, .. } => match field {
            NameField::MatchName if text.contains('*') => (
                item.below("matchName"),
                "use matchPattern for a name with stars",
            ),
            NameField::MatchName => (item.below("matchName"), "write it as www.example.com"),
            NameField::MatchPattern => (item.below("matchPattern"), "write it as *.example.com"),
            NameField::ServerName => (item.clone(), "write it as www.example.com or *.example.com"),
        },
    };
    field.refuse(wrong.to_string(), remedy)
}

fn server_names(field: &Field<'_>) -> Result<Vec<Box<str>>, Refused> {
    FieldErrors::all(field.list()?.iter().map(|item| {
        let text = item.text()?;
        match server_name(text) {
            Ok(_) => Ok(text.into()),
            Err(wrong) => Err(wrong_name(item, &wrong)),
        }
    }))
}

/// What stands at a place where it can't.
fn misplaced(item: &Field<'_>, wrong: &PlacementError) -> Refused {
    let (path, remedy) = match wrong {
        PlacementError::SeveralKinds => (
            "rules".to_owned(),
            "write an item of toPorts for each kind, and no empty lists",
        ),
        PlacementError::Protocol { port, .. } => {
            (format!("ports[{port}].protocol"), "write protocol: TCP")
        }
        PlacementError::PortZero(port) => (
            format!("ports[{port}].port"),
            "name the ports that the rules are for",
        ),
        PlacementError::DnsWithoutPort => (
            "rules.dns".to_owned(),
            "add ports: [{port: \"53\", protocol: ANY}] to the item",
        ),
        PlacementError::DnsRange(port) => (
            format!("ports[{port}].endPort"),
            "write each port by itself",
        ),
        PlacementError::DnsOnIngress => (
            "rules.dns".to_owned(),
            "write them into the egress rules of the pods that ask",
        ),
        PlacementError::HostEgress(_) | PlacementError::HostIngress => {
            ("rules".to_owned(), "remove them, or select pods")
        }
        PlacementError::NoL7Proto => ("rules.l7".to_owned(), "use http, dns or kafka"),
        PlacementError::EmptyKey(entry) => (format!("rules.l7[{entry}]"), "use http, dns or kafka"),
        PlacementError::ServerNamesWithL7 => (
            "serverNames".to_owned(),
            "write two items of toPorts: what is encrypted is judged by its server's name alone",
        ),
        PlacementError::ListenerOnIngress(_) | PlacementError::ListenerWithL7(_) => {
            ("listener".to_owned(), "remove it")
        }
        PlacementError::Unsupported("l7proto") => {
            ("rules.l7proto".to_owned(), "use http, dns or kafka")
        }
        PlacementError::Unsupported(field) => ((*field).to_owned(), "remove it"),
    };
    item.below(&path).refuse(wrong.to_string(), remedy)
}

/// A text that may be absent.
fn text(item: &Field<'_>, name: &str) -> Result<Option<Box<str>>, Refused> {
    let field = item.get(name);
    field.map(|field| Ok(field.text()?.into())).transpose()
}

fn texts(field: &Field<'_>) -> Result<Vec<Box<str>>, Refused> {
    let items = field.list()?;
    FieldErrors::all(items.iter().map(|item| Ok(item.text()?.into())))
}
