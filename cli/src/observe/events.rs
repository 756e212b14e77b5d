//! `flows observe agent-events` and `debug-events`: what a node says that is no flow, in Hubble's words.

use std::io::{self, Write as _};

use flow::{
    flags::Lists,
    print::{Format, Options, escape},
};
use proto::{
    flow::{
        AgentEvent, AgentEventType, DebugEvent, DebugEventType, Endpoint,
        ServiceUpsertNotificationAddr, agent_event::Notification,
    },
    google::Timestamp,
    observer::{
        GetAgentEventsRequest, GetAgentEventsResponse, GetDebugEventsRequest,
        GetDebugEventsResponse,
    },
};

use super::{Args, request::Selection, view::View};
use crate::{connect::ServerArgs, error::Error};

/// Events shown when nothing says which, also where more are waited for.
const DEFAULT_LAST: u64 = 20;

/// Shows the events of a node: the agent's, or those for debugging.
pub(super) async fn show(args: &Args, server: &ServerArgs, debug: bool) -> Result<(), Error> {
    let filter = args.filters.flags.first().map(|(name, _)| *name);
    let others = [
        ("filter", !args.filters.expressions.is_empty()),
        ("input-file", args.selection.input_file.is_some()),
        ("aggregate-by", args.format.aggregate_by.is_some()),
        ("last-per-node", args.selection.last_per_node.is_some()),
    ];
    let mut others = others.into_iter().filter(|(_, is_given)| *is_given);
    if let Some(name) = filter.or_else(|| others.next().map(|(name, _)| name)) {
        let text = format!("--{name} is for flows; events cannot be filtered");
        return Err(Error::Usage(text));
    }
    let selection = Selection::from_args(&args.selection)?;
    let view = View::from_args(&args.format, selection.follow, server.is_debug()?)?;
    if view.options.format == Format::Table {
        return Err(Error::Hinted(
            "invalid output format: table".to_owned(),
            "one of compact, dict, json, jsonpb".to_owned(),
        ));
    }
    let request = selection.request(args, &view, &Lists::default())?;
    let unbounded = request.since.is_some() || request.until.is_some();
    let number = match request.number {
        0 if !unbounded => DEFAULT_LAST,
        number => number,
    };
    let server = server.connect().await?;
    let mut printer = Printer {
        options: view.options,
        first: true,
    };
    if debug {
        let request = GetDebugEventsRequest {
            number,
            first: request.first,
            follow: request.follow,
            since: request.since,
            until: request.until,
        };
        let mut stream = server.get_debug_events(request).await?;
        while let Some(response) = stream.message().await? {
            printer.print(&response, debug_event(&response))?;
        }
    } else {
        let request = GetAgentEventsRequest {
            number,
            first: request.first,
            follow: request.follow,
            since: request.since,
            until: request.until,
        };
        let mut stream = server.get_agent_events(request).await?;
        while let Some(response) = stream.message().await? {
            let event = agent_event(&response, &printer.options);
            printer.print(&response, event)?;
        }
    }
    Ok(())
}

/// An event as Hubble's formats tell it.
struct Event<'a> {
    time: Option<&'a Timestamp>,
    node: &'a str,
    /// What stands in a line, behind the time and the node.
    line: String,
    /// What stands in a block, behind the time and the node.
    fields: Vec<(&'static str, String)>,
}

struct Printer {
    options: Options,
    first: bool,
}

impl Printer {
    fn print(&mut self, response: &impl serde::Serialize, event: Event<'_>) -> Result<(), Error> {
        let text = match self.options.format {
            Format::Json | Format::LegacyJson => format!("{}\n", proto::json::to_string(response)?),
            Format::Dict => self.block(&event),
            Format::Compact | Format::Table | Format::Wide => self.line(&event),
        };
        self.first = false;
        // Events are few, and who follows wants each at once.
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn time(&self, event: &Event<'_>) -> String {
        self.options.time.text(event.time, &self.options.zone)
    }

    fn line(&self, event: &Event<'_>) -> String {
        let node = match self.options.node_names {
            true => format!(" [{}]", event.node),
            false => String::new(),
        };
        let line = format!("{}{node}: {}", self.time(event), event.line);
        format!("{}\n", escape(&line))
    }

    fn block(&self, event: &Event<'_>) -> String {
        // Hubble's separator has no line of its own here.
        let mut text = if self.first { "" } else { "------------" }.to_owned();
        let node = self.options.node_names.then(|| event.node.to_owned());
        let fields = Some(("TIMESTAMP", self.time(event)))
            .into_iter()
            .chain(node.map(|node| ("NODE", node)));
        for (key, value) in fields.chain(event.fields.iter().cloned()) {
            text.push_str(&format!("{key:>11}: {}\n", escape(&value)));
        }
        text
    }
}

fn agent_event<'a>(response: &'a GetAgentEventsResponse, options: &Options) -> Event<'a> {
    let none = AgentEvent::default();
    let event = response.agent_event.as_ref().unwrap_or(&none);
    let kind = match AgentEventType::try_from(event.r#type) {
        Ok(kind) => kind.as_str_name().to_owned(),
        Err(_) => event.r#type.to_string(),
    };
    let details = details(event, options).unwrap_or_else(|| "UNKNOWN".to_owned());
    Event {
        time: response.time.as_ref(),
        node: &response.node_name,
        line: format!("{kind} ({details})"),
        fields: vec![("TYPE", kind), ("DETAILS", details)],
    }
}

/// What the event is about, if that goes with its type.
fn details(event: &AgentEvent, options: &Options) -> Option<String> {
    use AgentEventType as Type;
    let list = |texts: &[String]| texts.join(",");
    // `, name: text` for each that there is.
    let more = |parts: &[(&str, &str)]| {
        let given = parts.iter().filter(|(_, text)| !text.is_empty());
        let parts = given.map(|(name, text)| format!(", {name}: {text}"));
        parts.collect::<String>()
    };
    let kind = Type::try_from(event.r#type).ok()?;
    Some(match (kind, event.notification.as_ref()?) {
        (Type::AgentEventUnknown, Notification::Unknown(it)) => {
            format!("type: {}, notification: {}", it.r#type, it.notification)
        }
        (Type::AgentStarted, Notification::AgentStart(it)) => {
            let time = options.time.text(it.time.as_ref(), &options.zone);
            format!("start time: {time}")
        }
        (Type::PolicyUpdated | Type::PolicyDeleted, Notification::PolicyUpdate(it)) => format!(
            "labels: [{}], revision: {}, count: {}",
            list(&it.labels),
            it.revision,
            it.rule_count
        ),
        (
            Type::EndpointRegenerateSuccess | Type::EndpointRegenerateFailure,
            Notification::EndpointRegenerate(it),
        ) => format!(
            "id: {}, labels: [{}]{}",
            it.id,
            list(&it.labels),
            more(&[("error", &it.error)])
        ),
        (Type::EndpointCreated | Type::EndpointDeleted, Notification::EndpointUpdate(it)) => {
            let more = more(&[("namespace", &it.namespace), ("pod name", &it.pod_name)]);
            format!("id: {}{more}", it.id)
        }
        (Type::IpcacheUpserted | Type::IpcacheDeleted, Notification::IpcacheUpdate(it)) => {
            let old = it.old_identity.as_ref();
            let old = old.map(|old| old.value.to_string()).unwrap_or_default();
            format!(
                "cidr: {}, identity: {}{}, encrypt key: {}",
                it.cidr,
                it.identity,
                more(&[
                    ("old identity", &old),
                    ("host ip", &it.host_ip),
                    ("old host ip", &it.old_host_ip)
                ]),
                it.encrypt_key
            )
        }
        (Type::ServiceUpserted, Notification::ServiceUpsert(it)) => {
            let front = it.frontend_address.as_ref().map(address);
            let backs: Vec<String> = it.backend_addresses.iter().map(address).collect();
            let backs = match backs.is_empty() {
                true => String::new(),
                false => format!("[{}]", list(&backs)),
            };
            let more = more(&[
                ("frontend", &front.unwrap_or_default()),
                ("backends", &backs),
                ("type", &it.r#type),
                ("traffic policy", &it.traffic_policy),
                ("namespace", &it.namespace),
                ("name", &it.name),
            ]);
            format!("id: {}{more}", it.id)
        }
        (Type::ServiceDeleted, Notification::ServiceDelete(it)) => format!("id: {}", it.id),
        _ => return None,
    })
}

fn address(address: &ServiceUpsertNotificationAddr) -> String {
    match address.ip.contains(':') {
        true => format!("[{}]:{}", address.ip, address.port),
        false => format!("{}:{}", address.ip, address.port),
    }
}

fn debug_event(response: &GetDebugEventsResponse) -> Event<'_> {
    let none = DebugEvent::default();
    let event = response.debug_event.as_ref().unwrap_or(&none);
    let kind = match DebugEventType::try_from(event.r#type) {
        Ok(kind) => kind.as_str_name().to_owned(),
        Err(_) => event.r#type.to_string(),
    };
    let from = endpoint(event.source.as_ref());
    let unknown = || "N/A".to_owned();
    let mark = event.hash.as_ref();
    let mark = mark.map_or_else(unknown, |mark| format!("{:#x}", mark.value));
    let cpu = event.cpu.as_ref();
    let cpu = cpu.map_or_else(unknown, |cpu| format!("{:02}", cpu.value));
    Event {
        time: response.time.as_ref(),
        node: &response.node_name,
        line: format!("{from} {kind} MARK: {mark} CPU: {cpu} ({})", event.message),
        fields: vec![
            ("TYPE", kind),
            ("FROM", from),
            ("MARK", mark),
            ("CPU", cpu),
            ("MESSAGE", event.message.clone()),
        ],
    }
}

fn endpoint(endpoint: Option<&Endpoint>) -> String {
    let Some(endpoint) = endpoint else {
        return "N/A".to_owned();
    };
    let id = format!("ID: {}", endpoint.id);
    match (
        &*endpoint.namespace,
        &*endpoint.pod_name,
        &endpoint.labels[..],
    ) {
        ("", _, [label]) | (_, "", [label]) if label.starts_with("reserved:") => {
            format!("{label} ({id})")
        }
        ("", _, _) | (_, "", _) => id,
        (namespace, pod, _) => format!("{namespace}/{pod} ({id})"),
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        flow::{EndpointUpdateNotification, IpCacheNotification},
        google::{Int32Value, UInt32Value},
    };

    use super::*;

    fn printer(format: Format) -> Printer {
        Printer {
            options: Options {
                format,
                node_names: true,
                ..Options::default()
            },
            first: true,
        }
    }

    #[test]
    fn events_of_the_agent_are_told_as_hubble_tells_them() {
        let rows = [
            (
                AgentEventType::EndpointCreated,
                Notification::EndpointUpdate(EndpointUpdateNotification {
                    id: 7,
                    namespace: "shop".to_owned(),
                    pod_name: "web\u{1b}[2J".to_owned(),
                    ..EndpointUpdateNotification::default()
                }),
                "ENDPOINT_CREATED (id: 7, namespace: shop, pod name: web^[[2J)",
            ),
            (
                AgentEventType::IpcacheUpserted,
                Notification::IpcacheUpdate(IpCacheNotification {
                    cidr: "10.0.0.1/32".to_owned(),
                    identity: 9,
                    old_identity: Some(UInt32Value { value: 0 }),
                    host_ip: "192.0.2.1".to_owned(),
                    ..IpCacheNotification::default()
                }),
                "IPCACHE_UPSERTED (cidr: 10.0.0.1/32, identity: 9, old identity: 0, \
                 host ip: 192.0.2.1, encrypt key: 0)",
            ),
            // Not what an event of the type has.
            (
                AgentEventType::AgentStarted,
                Notification::IpcacheUpdate(IpCacheNotification::default()),
                "AGENT_STARTED (UNKNOWN)",
            ),
        ];
        for (kind, notification, want) in rows {
            let response = GetAgentEventsResponse {
                agent_event: Some(AgentEvent {
                    r#type: kind.into(),
                    notification: Some(notification),
                }),
                node_name: "a".to_owned(),
                time: Some(Timestamp::from_unix_nanos(1_234_567_000_000)),
            };
            let printer = printer(Format::Compact);
            let event = agent_event(&response, &printer.options);
            let line = format!("Jan  1 00:20:34.567 [a]: {want}\n");
            assert_eq!(printer.line(&event), line);
            let (kind, details) = want.split_once(" (").unwrap_or_default();
            let details = details.trim_end_matches(')');
            let block = format!(
                "  TIMESTAMP: Jan  1 00:20:34.567\n       NODE: a\n       TYPE: {kind}\n    \
                 DETAILS: {details}\n"
            );
            assert_eq!(printer.block(&event), block);
        }
    }

    #[test]
    fn events_for_debugging_are_told_as_hubble_tells_them() {
        let response = GetDebugEventsResponse {
            debug_event: Some(DebugEvent {
                r#type: DebugEventType::DbgCtVerdict.into(),
                source: Some(Endpoint {
                    id: 690,
                    namespace: "cilium-test".to_owned(),
                    pod_name: "pod".to_owned(),
                    ..Endpoint::default()
                }),
                hash: Some(UInt32Value { value: 0x0abf_fcd1 }),
                cpu: Some(Int32Value { value: 1 }),
                message: "CT verdict: New, revnat=0".to_owned(),
                ..DebugEvent::default()
            }),
            node_name: "k8s1".to_owned(),
            time: Some(Timestamp::from_unix_nanos(1_234_567_000_000)),
        };
        assert_eq!(
            printer(Format::Compact).line(&debug_event(&response)),
            "Jan  1 00:20:34.567 [k8s1]: cilium-test/pod (ID: 690) DBG_CT_VERDICT MARK: 0xabffcd1 \
             CPU: 01 (CT verdict: New, revnat=0)\n"
        );
        assert_eq!(endpoint(None), "N/A");
    }
}
