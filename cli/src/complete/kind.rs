//! Of which kind a value is.

use clap::{Arg, Command};

/// What stands at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nothing,
    Commands,
    Flags,
    Files,
    Pods,
    /// Of flows that are held.
    Workloads,
    /// Of flows that are held.
    Services,
    /// The same, or what else an end of a connection can be.
    Ends,
    Namespaces,
    Labels,
    Policies,
    Nodes,
    Identities,
    Labs,
    Servers,
    Contexts,
    /// An expression.
    Filter,
    /// Names of fields, separated by commas.
    Fields,
    /// `pod:NAME` and so on.
    Prefixed,
    /// The known values of a field of expressions.
    Of(&'static str),
    /// These.
    These(Vec<String>),
}

impl Kind {
    /// What the value of a flag, or what stands without one, is.
    pub(crate) fn of_value(command: &Command, arg: &Arg) -> Self {
        let possible = arg.get_possible_values();
        if !possible.is_empty() {
            let names = possible.iter().filter(|value| !value.is_hide_set());
            let names = names.map(|value| value.get_name().to_owned());
            return Self::These(names.collect());
        }
        let id = arg.get_id().as_str();
        if arg.is_positional() {
            return match (command.get_name(), id) {
                ("observe", _) => Self::Filter,
                ("endpoint" | "get", "pod") => Self::Pods,
                ("explain" | "why" | "trace" | "reach" | "be-reached-from", _) => Self::Ends,
                (_, "dns_name") => Self::Nothing,
                ("get" | "history", "name") => Self::Policies,
                ("get", _) => Self::Identities,
                ("use-context" | "set-context" | "delete-context", _) => Self::Contexts,
                ("validate" | "diff", _) => Self::Files,
                _ => Self::Nothing,
            };
        }
        let id = id.replace('_', "-");
        let name = id
            .strip_prefix("from-")
            .or(id.strip_prefix("to-"))
            .or(id.strip_prefix("src-"))
            .or(id.strip_prefix("dst-"))
            .unwrap_or(&id);
        match name {
            "pod" | "for" => Self::Pods,
            "workload" => Self::Workloads,
            "service" => Self::Services,
            "namespace" => Self::Namespaces,
            "label" | "labels" => Self::Labels,
            "node-name" | "node" => Self::Nodes,
            "identity" | "entity" => Self::Of("src.identity"),
            "verdict" => Self::Of("verdict"),
            "type" => Self::Of("type"),
            "protocol" => Self::Of("protocol"),
            "drop-reason-desc" => Self::Of("reason"),
            "traffic-direction" => Self::Of("direction"),
            "http-method" => Self::Of("http.method"),
            "http-status" => Self::Of("http.status"),
            "tcp-flags" => Self::Of("tcp.flags"),
            "reply" => Self::These(["true", "false"].map(str::to_owned).into()),
            "ip-version" => Self::These(["v4", "v6", "none"].map(str::to_owned).into()),
            "color" => Self::These(["auto", "always", "never"].map(str::to_owned).into()),
            "time-format" => Self::These(
                [
                    "StampMilli",
                    "YearMonthDay",
                    "YearMonthDayHour",
                    "YearMonthDayHourMinute",
                    "RFC3339",
                    "RFC3339Milli",
                    "RFC3339Micro",
                    "RFC3339Nano",
                    "RFC1123Z",
                ]
                .map(str::to_owned)
                .into(),
            ),
            "from" | "to"
                if arg.get_value_names().is_some_and(|names| {
                    names.iter().any(|name| name.as_str() == "KIND:VALUE")
                }) =>
            {
                Self::Prefixed
            }
            "filter" => Self::Filter,
            "aggregate-by" => Self::Fields,
            "lab" => Self::Labs,
            "server" => Self::Servers,
            "context" => Self::Contexts,
            _ => {
                let names = arg.get_value_names().unwrap_or_default();
                let is_path = names.iter().any(|name| {
                    let name = name.as_str();
                    name.starts_with("FILE") || name.starts_with("DIR") || name == "PATH"
                });
                if is_path { Self::Files } else { Self::Nothing }
            }
        }
    }

    /// Whether the server knows what stands there.
    pub(crate) fn asks_server(&self) -> bool {
        matches!(
            self,
            Self::Pods
                | Self::Workloads
                | Self::Services
                | Self::Ends
                | Self::Namespaces
                | Self::Labels
                | Self::Policies
                | Self::Nodes
                | Self::Identities
                | Self::Prefixed
                | Self::Filter
        )
    }

    /// Whether it is known from flows only.
    pub(crate) fn stands_in_flows(&self) -> bool {
        matches!(
            self,
            Self::Workloads | Self::Services | Self::Prefixed | Self::Filter
        )
    }

    /// Whether it is a file or a directory.
    pub(crate) fn is_file(&self) -> bool {
        *self == Self::Files
    }

    /// Whether more follows in the same word.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(
            self,
            Self::Filter | Self::Fields | Self::Labels | Self::Servers
        )
    }

    /// Whether several stand in one word, separated by commas.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, Self::Fields | Self::Of("tcp.flags"))
    }
}
