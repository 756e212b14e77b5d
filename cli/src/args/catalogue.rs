//! Every flag: name, letter, what it takes, what it does. Spellings are Hubble's, where Hubble has
//! the flag.

/// One flag.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
    pub(crate) heading: &'static str,
    pub(crate) help: &'static str,
    pub(crate) hidden: bool,
}

/// What follows a flag.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Nothing, or `=true`, `=false`.
    Nothing,
    /// A value, shown in help by this name.
    Value(&'static str),
}

pub(crate) const SERVER: &str = "Server";
const SELECT: &str = "Which part of the history";
const FORMATTING: &str = "Output";
const FROM_TO: &str = "Filters: ends of a flow";
const PACKET: &str = "Filters: packet and decision";
const ENDS: &str = "The connection";
const POLICIES: &str = "Policies asked";
const L7: &str = "Filters: HTTP, DNS and tracing";
const RAW: &str = "Filters: how they combine";

const fn flag(name: &'static str, takes: Takes, heading: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        takes,
        heading,
        help,
        hidden: false,
    }
}

const fn short(letter: char, flag: Flag) -> Flag {
    Flag {
        short: Some(letter),
        ..flag
    }
}

const fn hidden(name: &'static str, takes: Takes, heading: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        takes,
        heading,
        help: "accepted for scripts written for hubble",
        hidden: true,
    }
}

use Takes::{Nothing, Value};

/// Flags of every command.
pub(crate) const GLOBAL: &[Flag] = &[
    flag(
        "server",
        Value("ADDRESS"),
        SERVER,
        "server to ask: host:port or unix:///path [default: relay on localhost:4245, else the only lab's, else the only agent's socket] [env: FLOWS_SERVER, HUBBLE_SERVER]",
    ),
    flag(
        "lab",
        Value("NAME"),
        SERVER,
        "ask the relay of this lab: unix:///run/flows/NAME/relay.sock [env: FLOWS_LAB]",
    ),
    flag(
        "request-timeout",
        Value("DURATION"),
        SERVER,
        "how long a question with one answer may take [default: 12s]",
    ),
    flag(
        "timeout",
        Value("DURATION"),
        SERVER,
        "how long connecting may take [default: 5s]",
    ),
    short(
        'D',
        flag(
            "debug",
            Nothing,
            SERVER,
            "show more: requests sent, nodes that connect",
        ),
    ),
    hidden("config", Value("FILE"), SERVER),
    hidden("tls", Nothing, SERVER),
    hidden("tls-allow-insecure", Nothing, SERVER),
    hidden("tls-ca-cert-files", Value("FILE"), SERVER),
    hidden("tls-client-cert-file", Value("FILE"), SERVER),
    hidden("tls-client-key-file", Value("FILE"), SERVER),
    hidden("tls-server-name", Value("NAME"), SERVER),
    hidden("basic-auth-username", Value("NAME"), SERVER),
    hidden("basic-auth-password", Value("WORD"), SERVER),
    short('P', hidden("port-forward", Nothing, SERVER)),
    hidden("port-forward-port", Value("PORT"), SERVER),
    hidden("kube-context", Value("NAME"), SERVER),
    hidden("kube-namespace", Value("NAME"), SERVER),
    hidden("kubeconfig", Value("FILE"), SERVER),
];

/// Which part of the history `observe` shows.
pub(crate) const SELECTORS: &[Flag] = &[
    short(
        'f',
        flag(
            "follow",
            Nothing,
            SELECT,
            "show flows as they happen, until Ctrl-C",
        ),
    ),
    flag(
        "last",
        Value("N"),
        SELECT,
        "the newest N flows of all nodes together, also with --since and --until [default: 20]; hubble counts per node",
    ),
    flag(
        "last-per-node",
        Value("N"),
        SELECT,
        "the newest N flows of each node, as hubble --last gives them",
    ),
    flag(
        "first",
        Value("N"),
        SELECT,
        "the oldest N flows of all nodes together",
    ),
    flag("all", Nothing, SELECT, "all flows"),
    flag(
        "since",
        Value("TIME"),
        SELECT,
        "from then on: a time (RFC 3339, 2006-01-02) or how long ago (5m, 1h30m)",
    ),
    flag(
        "until",
        Value("TIME"),
        SELECT,
        "up to then; ignored with --follow",
    ),
    flag(
        "input-file",
        Value("FILE"),
        SELECT,
        "read flows from a file of JSON lines (- for standard input), not from a server",
    ),
];

/// What `top` reads and how it looks.
pub(crate) const TOP: &[Flag] = &[
    flag(
        "last",
        Value("N"),
        SELECT,
        "read the newest N flows at first [default: 10000; with --since, --until or --input-file all]",
    ),
    flag(
        "since",
        Value("TIME"),
        SELECT,
        "from then on: a time (RFC 3339, 2006-01-02) or how long ago (5m, 1h30m)",
    ),
    flag(
        "until",
        Value("TIME"),
        SELECT,
        "up to then, and nothing live",
    ),
    flag(
        "input-file",
        Value("FILE"),
        SELECT,
        "read flows from a file of JSON lines (- for standard input), not from a server",
    ),
    flag(
        "keep",
        Value("N"),
        SELECT,
        "hold at most N flows in memory, the newest; 2000 or more [default: 200000, about 240 MiB]",
    ),
    flag(
        "theme",
        Value("NAME"),
        FORMATTING,
        "auto, dark, light or none (no colours, as with NO_COLOR) [default: auto]",
    ),
    flag(
        "utc",
        Nothing,
        FORMATTING,
        "show times in UTC, not in the local zone (TZ, else /etc/localtime)",
    ),
];

/// How `observe` prints.
pub(crate) const FORMAT: &[Flag] = &[
    short(
        'o',
        flag(
            "output",
            Value("FORMAT"),
            FORMATTING,
            "wide, compact, dict, json, jsonpb or table. wide is ours, with reason and policy; the others are hubble's, whose default is compact [default: wide] [env: FLOWS_OUTPUT]",
        ),
    ),
    flag(
        "aggregate-by",
        Value("FIELD,..."),
        FORMATTING,
        "count flows in groups instead of showing them: src.workload,dst.workload,verdict,reason; with -f refreshed in place, with -o json an object per group [default: of the last 10000]",
    ),
    flag(
        "top",
        Value("N"),
        FORMATTING,
        "with --aggregate-by: the N groups with the most flows, and the rest as one",
    ),
    flag(
        "print-node-name",
        Nothing,
        FORMATTING,
        "show the node that saw the flow",
    ),
    flag(
        "print-policy-names",
        Nothing,
        FORMATTING,
        "show the deciding policies' names after the verdict",
    ),
    flag(
        "time-format",
        Value("FORMAT"),
        FORMATTING,
        "stampMilli, YearMonthDay, YearMonthDayHour, YearMonthDayHourMinute, RFC3339, RFC3339Milli, RFC3339Micro, RFC3339Nano or RFC1123Z [default: StampMilli]",
    ),
    flag(
        "utc",
        Nothing,
        FORMATTING,
        "show times in UTC, not in the local zone (TZ, else /etc/localtime); hubble's formats and JSON always are in UTC",
    ),
    flag("numeric", Nothing, FORMATTING, "show addresses as numbers"),
    flag(
        "ip-translation",
        Nothing,
        FORMATTING,
        "show addresses as pods, services and names [default: true]",
    ),
    flag(
        "color",
        Value("WHEN"),
        FORMATTING,
        "auto, always or never [default: auto]",
    ),
    short(
        's',
        flag(
            "silent-errors",
            Nothing,
            FORMATTING,
            "print nothing about nodes and unreadable input",
        ),
    ),
    flag(
        "field-mask",
        Value("FIELDS"),
        FORMATTING,
        "ask for these fields of a flow only, comma-separated (json and jsonpb)",
    ),
    hidden("use-default-field-masks", Nothing, FORMATTING),
];

/// Flags of `status`.
pub(crate) const STATUS: &[Flag] = &[short(
    'o',
    flag(
        "output",
        Value("FORMAT"),
        FORMATTING,
        "compact, dict, json, jsonpb or table [default: compact]",
    ),
)];

/// Flags of `list`.
pub(crate) const LIST: &[Flag] = &[short(
    'o',
    flag(
        "output",
        Value("FORMAT"),
        FORMATTING,
        "table, wide or json [default: table]",
    ),
)];

/// Which policies and pods a question to the policy engine is about.
pub(crate) const STATE: &[Flag] = &[
    flag(
        "state",
        Value("DIR"),
        POLICIES,
        "ask about the manifests in this directory, not about a running cluster",
    ),
    flag(
        "enable-policy",
        Value("MODE"),
        POLICIES,
        "with --state: default (pods that a policy selects), always (all pods) or never [default: default]",
    ),
];

/// Flags of `policy trace`.
pub(crate) const TRACE: &[Flag] = &[
    flag(
        "src-pod",
        Value("NAMESPACE/NAME"),
        ENDS,
        "the pod that connects",
    ),
    flag(
        "src-labels",
        Value("LABELS"),
        ENDS,
        "a pod with these labels connects: app=web,k8s:tier=data; for one that isn't there yet add io.kubernetes.pod.namespace=NAMESPACE",
    ),
    flag(
        "src-ip",
        Value("IP"),
        ENDS,
        "whoever has this address connects",
    ),
    flag(
        "src-entity",
        Value("NAME"),
        ENDS,
        "host, remote-node, kube-apiserver, world, ... connects",
    ),
    flag(
        "dst-pod",
        Value("NAMESPACE/NAME"),
        ENDS,
        "the pod that is connected to",
    ),
    flag(
        "dst-labels",
        Value("LABELS"),
        ENDS,
        "a pod with these labels is connected to",
    ),
    flag(
        "dst-ip",
        Value("IP"),
        ENDS,
        "whoever has this address is connected to",
    ),
    flag("dst-entity", Value("NAME"), ENDS, "it is connected to"),
    flag(
        "dport",
        Value("PORT"),
        ENDS,
        "destination port: 5432, 53/udp, a name such as http, 8/icmp (the type) or 128/icmpv6 [default protocol: TCP]; without it, which ports are allowed",
    ),
    flag(
        "exit-code",
        Nothing,
        FORMATTING,
        "exit with 1 if the verdict is DENIED (and with 2 if there is none)",
    ),
    short(
        'o',
        flag(
            "output",
            Value("FORMAT"),
            FORMATTING,
            "text or json [default: text]",
        ),
    ),
];

pub(crate) const TRACE_EXAMPLES: &str = "Examples:
  flows policy trace --src-pod shop/web --dst-pod shop/db --dport 5432
  flows policy trace --src-labels app=web --dst-labels app=db --dport 5432/tcp --state manifests/
  flows policy trace --src-labels app=new,io.kubernetes.pod.namespace=shop --dst-pod shop/db --dport pg
  flows policy trace --src-ip 203.0.113.9 --dst-pod shop/web --dport http --exit-code

  flows policy trace --src-pod shop/web --dst-pod shop/db

Both ends must allow a connection: egress is judged at the source, ingress at the destination, by the
code that runs in the kernel. Where no rule allows it, every policy that selects the end is listed,
and for each of its rules what didn't fit.";

/// Flags of `policy get`, `endpoint` and `identity`.
pub(crate) const GET: &[Flag] = &[short(
    'o',
    flag(
        "output",
        Value("FORMAT"),
        FORMATTING,
        "text or json [default: text]",
    ),
)];

/// Flags of `policy wait`.
pub(crate) const WAIT: &[Flag] = &[flag(
    "revision",
    Value("N"),
    POLICIES,
    "the least revision of the node; without it, whatever makes the present manifests true",
)];

/// Flags of `policy validate`.
pub(crate) const VALIDATE: &[Flag] = &[
    flag(
        "strict",
        Nothing,
        FORMATTING,
        "exit with 1 for warnings, too",
    ),
    flag(
        "quiet",
        Nothing,
        FORMATTING,
        "print errors and warnings only: no notes, no meanings",
    ),
    short(
        'o',
        flag(
            "output",
            Value("FORMAT"),
            FORMATTING,
            "text or json [default: text]",
        ),
    ),
];

pub(crate) const VALIDATE_EXAMPLES: &str = "Examples:
  flows policy validate policies/                       by themselves
  flows policy validate new.yaml --state manifests/     beside the pods and policies of a directory
  flows --lab demo policy validate new.yaml             beside those of a running cluster
  flows policy validate --strict --quiet policies/      in CI

Without --state and without --lab or --server, the pods and policies in the files themselves are all
there is: what selectors match is checked only if there are pods among them.

Exit codes: 0 all can be enforced (there may be warnings); 1 there are errors (--strict: or warnings);
2 it could not be checked: a file can't be read, a server doesn't answer.";

/// How filters combine; the filters themselves are `flow::flags::FLAGS`.
pub(crate) const COMBINE: &[Flag] = &[
    flag(
        "filter",
        Value("EXPR"),
        RAW,
        "an expression that must hold, too: 'verdict == DROPPED and dst.port in {53, 8000-8999}'; fields and operators in docs/FILTERS.md",
    ),
    flag(
        "not",
        Nothing,
        RAW,
        "negates the next filter. All negated filters together exclude a flow, as in hubble; --denylist twice excludes either",
    ),
    flag(
        "allowlist",
        Value("JSON"),
        RAW,
        "a FlowFilter as JSON; shown besides what the other filters show [env: FLOWS_ALLOWLIST, HUBBLE_ALLOWLIST]",
    ),
    flag(
        "denylist",
        Value("JSON"),
        RAW,
        "a FlowFilter as JSON; never shown [env: FLOWS_DENYLIST, HUBBLE_DENYLIST]",
    ),
    flag(
        "print-raw-filters",
        Nothing,
        RAW,
        "print the filters as allowlist and denylist, and end",
    ),
];

/// The filters, as flags of a command.
pub(crate) fn filters() -> impl Iterator<Item = Flag> {
    let headed = |heading| {
        flow::flags::FLAGS
            .iter()
            .filter(move |filter| self::heading(filter.name) == heading)
    };
    [FROM_TO, PACKET, L7]
        .into_iter()
        .flat_map(headed)
        .map(|filter| Flag {
            name: filter.name,
            short: filter.short,
            takes: filter.value.map_or(Nothing, Value),
            heading: heading(filter.name),
            help: filter.help,
            hidden: false,
        })
}

/// Whether the filters know this flag.
pub(crate) fn is_filter(name: &str) -> bool {
    matches!(name, "not" | "allowlist" | "denylist")
        || flow::flags::FLAGS.iter().any(|filter| filter.name == name)
}

/// Where help shows a filter.
fn heading(name: &str) -> &'static str {
    let kind = name
        .strip_prefix("from-")
        .or(name.strip_prefix("to-"))
        .unwrap_or(name);
    match kind {
        "from" | "to" | "pod" | "namespace" | "all-namespaces" | "label" | "ip" | "snat-ip"
        | "fqdn" | "service" | "port" | "identity" | "workload" | "cluster" => FROM_TO,
        kind if kind.starts_with("http-")
            || kind.starts_with("dns-")
            || kind.ends_with("trace-id") =>
        {
            L7
        }
        _ => PACKET,
    }
}

/// Name and letter of every flag there is.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Option<char>)> {
    let own = [GLOBAL, SELECTORS, COMBINE, FORMAT, STATE]
        .into_iter()
        .flatten();
    let own = own.chain(
        TOP.iter()
            .filter(|flag| matches!(flag.name, "keep" | "theme")),
    );
    // `output` stands in several lists.
    let own = own.chain(TRACE.iter().filter(|flag| flag.name != "output"));
    let own = own.chain(WAIT.iter());
    let own = own.chain(VALIDATE.iter().filter(|flag| flag.name != "output"));
    let own = own.map(|flag| (flag.name, flag.short));
    own.chain(
        flow::flags::FLAGS
            .iter()
            .map(|filter| (filter.name, filter.short)),
    )
}

pub(crate) const EXAMPLES: &str = "Examples:
  flows observe --verdict DROPPED         what was dropped lately, by which rule
  flows observe -f --pod shop/frontend    what a pod does, as it happens
  flows status                            is everything there?
  flows --lab demo list nodes             of a lab that runs here";

pub(crate) const TOP_EXAMPLES: &str = "Examples:
  flows top                                    all flows, live; ? shows the keys
  flows top --verdict DROPPED                  what is dropped; Enter says why and what would allow it
  flows top -n production --since 30m          a namespace, with half an hour of history
  flows --lab demo top                         of a lab that runs here
  flows top --server unix:///run/flows/demo/one/hubble.sock    one agent
  flows top --input-file drops.json            saved flows
Filter flags are applied by the server; filters added on the screen (/) hide what it sent.";

pub(crate) const OBSERVE_EXAMPLES: &str = "Examples:
  flows observe --verdict DROPPED                         what was dropped, by which rule
  flows observe -f --from pod:production/user-service     what this pod's copies try, as it happens
  flows observe --to pod:production/auth-database --to-port 5432 --since 10m
  flows observe -n production --not --verdict FORWARDED   what didn't go through
  flows observe --filter 'verdict == DROPPED and (src.pod ~ prod/web or dst.port in {53, 443}) and not reply'
  flows observe --filter 'src.ip in 10.0.0.0/8 and not has dst.pod and bytes > 10MB' -o json
  flows observe --aggregate-by src.workload,dst.workload,verdict,reason --last 10000
  flows observe -f --aggregate-by dst.fqdn,dst.port       who is called outside, refreshed in place
  flows observe --verdict DROPPED -o json > drops.json    to look at later:
  flows observe --input-file drops.json -o compact

Values of one flag are alternatives, different flags must all hold. --pod, --ip, --label and so on
look at one end at a time: --pod a --port 80 finds flows from a's port 80 and flows to it.";
