//! Words of other command lines (kubectl, cilium, hubble): what does the same here, or what to type instead.

use std::ffi::OsString;

/// What is done about words that are not a command here.
enum Meaning {
    /// They are another command.
    Is(&'static str),
    /// They are a command that lists, or one that shows what is named behind it.
    Of(&'static str, &'static str),
    /// With nothing behind them they are this command.
    Alone(&'static str),
    /// Why there is no such command, and which one does what is wanted.
    Not(&'static str, &'static str),
    /// The same, with nothing behind them.
    Incomplete(&'static str, &'static str),
}

use Meaning::{Alone, Incomplete, Is, Not, Of};

const CHANGES_NOTHING: &str = "flows changes nothing in a cluster";
const CHECKS: &str = "flows policy validate FILE checks it, flows policy diff FILE shows what would change; kubectl applies it, in a lab flows-lab apply -f FILE";
const GET: &str = "flows get pods, policies, nodes, namespaces, identities or flows";

/// What is typed, with alternatives, and what it means; the first row that fits counts. Words that are commands
/// here with nothing behind them stand at the end.
const WORDS: &[(&str, Meaning)] = &[
    // kubectl
    (
        "get pods|pod|po|endpoints|endpoint|ep|cep|ciliumendpoints|ciliumendpoint",
        Of("endpoint list", "endpoint get"),
    ),
    (
        "get policies|policy|cnp|ccnp|netpol|networkpolicy|networkpolicies|ciliumnetworkpolicies|ciliumclusterwidenetworkpolicies",
        Is("policy get"),
    ),
    ("get nodes|node|no", Is("list nodes")),
    ("get namespaces|namespace|ns", Is("list namespaces")),
    (
        "get identities|identity|ciliumidentities|ciliumid",
        Of("identity list", "identity get"),
    ),
    ("get flows|flow|connections", Is("observe")),
    ("get events|event|changes", Is("changes")),
    ("get services|service|svc", SERVICES),
    ("get", Not("get needs to know what", GET)),
    (
        "describe pods|pod|po|endpoint|ep|cep",
        Of("endpoint list", "endpoint get"),
    ),
    (
        "describe policies|policy|cnp|ccnp|netpol|networkpolicy|ciliumnetworkpolicy",
        Is("policy get"),
    ),
    ("describe nodes|node|no", Is("status")),
    (
        "describe identity|identities",
        Of("identity list", "identity get"),
    ),
    (
        "describe",
        Not(
            "describe needs to know what",
            "flows endpoint get POD, flows policy get NAME, flows identity get NUMBER",
        ),
    ),
    (
        "logs|log",
        Not(
            "flows doesn't read what containers write",
            "the flows of a pod: flows observe --pod NAMESPACE/POD; as they come: -f",
        ),
    ),
    (
        "apply|create|delete|edit|patch|replace",
        Not(CHANGES_NOTHING, CHECKS),
    ),
    (
        "exec|run",
        Not(
            "flows runs nothing in pods",
            "in a lab: flows-lab exec NAMESPACE/POD -- COMMAND",
        ),
    ),
    ("pods|pod|po", Of("endpoint list", "endpoint get")),
    ("nodes|node", Is("list nodes")),
    ("node list", Is("list nodes")),
    ("namespaces|ns", Is("list namespaces")),
    ("services|service|svc", SERVICES),
    (
        "port-forward",
        Not(
            "flows forwards no ports",
            "kubectl -n NAMESPACE port-forward service/flows-relay 4245:80, then flows --server localhost:4245",
        ),
    ),
    ("cluster-info|health|check", Is("status")),
    // cilium, hubble
    ("trace", Is("policy trace")),
    ("monitor", Is("observe -f")),
    ("flows|flow|connections", Is("observe")),
    ("watch flows|flow", Is("observe -f")),
    ("drops|drop", Is("incidents")),
    ("peers|peer", Is("watch peers")),
    ("policies|netpol|cnp|ccnp", Is("policy get")),
    (
        "policy import|delete|apply|create",
        Not(CHANGES_NOTHING, CHECKS),
    ),
    ("policy lint|check|verify", Is("policy validate")),
    ("policy show|describe|list", Is("policy get")),
    ("policy explain|why", Is("why")),
    ("endpoint show|describe", Is("endpoint get")),
    ("identity show|describe", Is("identity get")),
    ("validate|lint", Is("policy validate")),
    ("diff", Is("policy diff")),
    ("history", Is("policy history")),
    ("wait", Is("policy wait")),
    ("reach|can-reach", Is("who-can reach")),
    (
        "metrics",
        Not(
            "flows shows no metrics",
            "flows-agent, flows-relay and flows-ui serve them with --metrics-listen; flows status has the main figures",
        ),
    ),
    (
        "ui",
        Not(
            "the page is a program of its own",
            "flows-ui, with the flags --server and --lab as here; on the terminal: flows top",
        ),
    ),
    (
        "man",
        Not(
            "there are no manual pages",
            "flows help COMMAND, or flows COMMAND --help",
        ),
    ),
    (
        "record|reflect|bpf|connectivity|encrypt",
        Not(
            "flows has no such command",
            "flows --help lists the commands",
        ),
    ),
    // What is a command here, with nothing behind it.
    ("endpoint|endpoints", Alone("endpoint list")),
    ("identity|identities", Alone("identity list")),
    ("policy", Alone("policy get")),
    ("config", Alone("config view")),
    (
        "list",
        Incomplete(
            "list needs to know what",
            "flows list nodes, flows list namespaces; flows endpoint list, flows policy list, flows identity list",
        ),
    ),
    (
        "watch",
        Incomplete(
            "watch needs to know what",
            "flows watch peers; for flows as they come: flows observe -f",
        ),
    ),
    (
        "who-can",
        Incomplete(
            "who-can needs to know what",
            "flows who-can reach POD, flows who-can be-reached-from POD",
        ),
    ),
    (
        "completion",
        Incomplete(
            "completion needs to know for which shell",
            "source <(flows completion bash); there are bash, zsh, fish, elvish and powershell",
        ),
    ),
    (
        "endpoint|endpoints get",
        Incomplete(
            "endpoint get needs the name of a pod",
            "flows endpoint get NAMESPACE/NAME; flows endpoint list shows them",
        ),
    ),
    (
        "identity|identities get",
        Incomplete(
            "identity get needs a number",
            "flows identity get NUMBER; flows identity list shows them",
        ),
    ),
    (
        "why",
        Incomplete(
            "why needs two ends and a port",
            "flows why shop/web data/redis:6379; flows incidents shows what is denied",
        ),
    ),
];

const SERVICES: Meaning = Not(
    "flows keeps no list of services",
    "flows observe --aggregate-by dst.service counts their connections; flows top has a view of them",
);

/// Flags of other command lines, by their names without dashes, and what to write here.
const FLAGS: &[(&str, &str)] = &[
    ("tail|limit|number|lines|max", "--last N"),
    ("watch|w|stream|live", "--follow"),
    ("src-pod|source-pod", "--from-pod"),
    ("dst-pod|dest-pod|destination-pod", "--to-pod"),
    (
        "src-namespace|source-namespace|src-ns|from-ns",
        "--from-namespace",
    ),
    (
        "dst-namespace|destination-namespace|dst-ns|to-ns",
        "--to-namespace",
    ),
    ("ns", "--namespace"),
    (
        "src-label|source-label|src-labels|from-labels",
        "--from-label",
    ),
    (
        "dst-label|destination-label|dst-labels|to-labels",
        "--to-label",
    ),
    ("selector|labels", "--label"),
    ("src-ip|source-ip|from-cidr|src", "--from-ip"),
    ("dst-ip|destination-ip|to-cidr|dst", "--to-ip"),
    ("cidr|address", "--ip"),
    ("src-port|source-port|sport", "--from-port"),
    ("dst-port|destination-port|dport", "--to-port"),
    ("src-service|source-service|from-svc", "--from-service"),
    ("dst-service|destination-service|to-svc", "--to-service"),
    ("svc", "--service"),
    ("src-workload|source-workload", "--from-workload"),
    ("dst-workload|destination-workload", "--to-workload"),
    ("src-identity|source-identity", "--from-identity"),
    ("dst-identity|destination-identity", "--to-identity"),
    ("src-fqdn|source-fqdn", "--from-fqdn"),
    ("dst-fqdn|destination-fqdn|dns|domain|host", "--to-fqdn"),
    ("node|nodes", "--node-name"),
    ("dropped|denied|drops", "--verdict DROPPED"),
    ("forwarded|allowed", "--verdict FORWARDED"),
    ("proto|l4", "--protocol"),
    ("direction", "--traffic-direction"),
    ("reason|drop-reason", "--drop-reason-desc"),
    ("expression|expr|where", "--filter"),
    ("group-by|groupby", "--aggregate-by"),
    ("file|from-file|filename", "--input-file"),
    ("since-time|start|after", "--since"),
    ("end|before", "--until"),
    ("format|json", "--output json"),
    ("no-color|no-colour|colour", "--color never"),
    ("address|endpoint|host|url", "--server"),
    ("cluster-name|name", "--lab"),
];

/// Whether a row's pattern is what the words begin with, and how many of them it takes.
fn fits(pattern: &str, words: &[&str]) -> Option<usize> {
    let mut taken = 0;
    for alternatives in pattern.split(' ') {
        let word = words.get(taken)?;
        if !alternatives.split('|').any(|known| known == *word) {
            return None;
        }
        taken += 1;
    }
    Some(taken)
}

/// Why words are not a command: a line, and what to type instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotACommand(pub(crate) &'static str, pub(crate) &'static str);

/// The command line with words of others replaced by ours. `takes_value` says which flags in front of a
/// command take a value that is a word of its own.
///
/// # Errors
/// There is no such command, and another one is to be typed.
pub(crate) fn translate(
    mut args: Vec<OsString>,
    takes_value: impl Fn(&str) -> bool,
) -> Result<Vec<OsString>, NotACommand> {
    let text: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap_or("")).collect();
    let is_flag = |word: &str| word.starts_with('-');
    let mut at = 1;
    while let Some(word) = text.get(at).filter(|word| is_flag(word)) {
        at += 1 + usize::from(takes_value(word));
    }
    let rest = text.get(at..).unwrap_or_default();
    let words: Vec<&str> = rest
        .iter()
        .copied()
        .take_while(|word| !is_flag(word))
        .collect();
    let asks_for_help = rest.iter().any(|word| matches!(*word, "-h" | "--help"));
    for (pattern, meaning) in WORDS {
        let Some(taken) = fits(pattern, &words) else {
            continue;
        };
        let more = words.len() > taken;
        let command = match meaning {
            Is(command) => command,
            Of(list, one) => match more {
                true => one,
                false => list,
            },
            Alone(command) if !more && !asks_for_help => command,
            Not(why, instead) => return Err(NotACommand(why, instead)),
            Incomplete(why, instead) if !more && !asks_for_help => {
                return Err(NotACommand(why, instead));
            }
            Alone(_) | Incomplete(..) => continue,
        };
        let command = command.split(' ').map(OsString::from);
        drop(args.splice(at..at + taken, command));
        break;
    }
    Ok(args)
}

/// The flags that stand for one of another command line, best first.
pub(crate) fn flags(typed: &str) -> impl Iterator<Item = &'static str> {
    let name = typed.trim_start_matches('-').to_owned();
    FLAGS.iter().filter_map(move |(names, ours)| {
        names.split('|').any(|known| known == name).then_some(*ours)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> String {
        let args = format!("flows {line}");
        let args = args.split(' ').map(OsString::from).collect();
        let takes_value = |flag: &str| matches!(flag, "--server" | "--lab");
        match translate(args, takes_value) {
            Ok(args) => {
                let args: Vec<_> = args
                    .iter()
                    .skip(1)
                    .map(|arg| arg.to_str().unwrap())
                    .collect();
                args.join(" ")
            }
            Err(NotACommand(why, instead)) => format!("{why}: {instead}"),
        }
    }

    #[test]
    fn words_of_others_become_ours() {
        for (typed, ours) in [
            ("get pods", "endpoint list"),
            ("get pod shop/web", "endpoint get shop/web"),
            ("--lab x get po -o json", "--lab x endpoint list -o json"),
            ("-D get policies", "-D policy get"),
            ("get cnp web -o yaml", "policy get web -o yaml"),
            ("get flows --last 5", "observe --last 5"),
            ("describe pod shop/web", "endpoint get shop/web"),
            (
                "trace shop/web shop/db:5432",
                "policy trace shop/web shop/db:5432",
            ),
            ("monitor", "observe -f"),
            ("policies", "policy get"),
            ("endpoints", "endpoint list"),
            ("endpoints get x", "endpoints get x"),
            ("identity", "identity list"),
            ("identity --help", "identity --help"),
            ("policy", "policy get"),
            ("policy trace", "policy trace"),
            ("observe pod x", "observe pod x"),
            ("--server get observe", "--server get observe"),
            ("list nodes", "list nodes"),
            ("", ""),
        ] {
            assert_eq!(translated(typed), ours, "{typed}");
        }
    }

    #[test]
    fn of_what_is_not_there_the_other_command_is_named() {
        for (typed, named) in [
            ("logs -f shop/web", "flows observe --pod"),
            ("apply -f x.yaml", "flows policy validate FILE"),
            ("get services", "flows observe --aggregate-by dst.service"),
            ("get", "flows get pods"),
            ("describe", "flows endpoint get"),
            ("metrics", "flows status"),
            ("ui", "flows-ui"),
            ("list", "flows list nodes"),
            ("completion", "flows completion bash"),
            ("identity get", "flows identity get NUMBER"),
            ("watch", "flows watch peers"),
        ] {
            let said = translated(typed);
            assert!(said.contains(named), "{typed}: {said}");
        }
    }

    /// What is named is there: a command that is replaced or advised is read, as far as it is ours.
    #[test]
    fn every_command_that_is_named_exists() {
        let mut root = crate::args::command();
        root.build();
        let mut named = 0;
        for (pattern, meaning) in WORDS {
            let texts = match meaning {
                Is(one) | Alone(one) => vec![format!("flows {one}")],
                Of(one, other) => vec![format!("flows {one}"), format!("flows {other}")],
                Not(_, text) | Incomplete(_, text) => vec![(*text).to_owned()],
            };
            for text in texts {
                for line in text.split([',', ';', ':', '(', ')']) {
                    let Some(line) = line.trim().strip_prefix("flows ") else {
                        continue;
                    };
                    let mut command = &root;
                    let words = line.split(' ').take_while(|word| {
                        word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                            && !word.starts_with('-')
                    });
                    for word in words {
                        if !command.is_subcommand_required_set() {
                            break;
                        }
                        let args = format!("flows {line}");
                        let known = command.find_subcommand(word);
                        let ours = known.is_some()
                            || word == "help"
                            || WORDS
                                .iter()
                                .any(|(other, _)| fits(other, &[word]).is_some());
                        assert!(ours, "{pattern}: {args}");
                        let Some(known) = known else { break };
                        command = known;
                    }
                    named += 1;
                }
            }
        }
        assert!(named > 40, "{named}");
    }

    #[test]
    fn flags_of_others_are_ours() {
        for (typed, ours) in [
            ("--dst-service", Some("--to-service")),
            ("--tail", Some("--last N")),
            ("-w", Some("--follow")),
            ("--nonsense", None),
        ] {
            assert_eq!(flags(typed).next(), ours, "{typed}");
        }
        let mut root = crate::args::command();
        root.build();
        let observe = root.find_subcommand("observe").unwrap();
        for (_, ours) in FLAGS {
            let name = ours.split(' ').next().unwrap().trim_start_matches("--");
            let mut known = observe.get_arguments();
            assert!(known.any(|arg| arg.get_long() == Some(name)), "{ours}");
        }
    }
}
