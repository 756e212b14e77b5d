//! Flags against what Hubble's CLI made of them.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use flow::flags::{FLAGS, FilterFlags, FlagError, Lists};
use flows_flow as flow;

/// Reads arguments as `--name value`, `--name=value`, `-s value`.
fn lists(args: &[String]) -> Result<Lists, FlagError> {
    let mut flags = FilterFlags::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (name, given) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg.as_str(), None),
        };
        let name = match name.strip_prefix("--") {
            Some(name) => name,
            None => {
                let short = name.strip_prefix('-').and_then(|n| n.chars().next());
                let flag = FLAGS.iter().find(|f| f.short == short);
                flag.unwrap_or_else(|| panic!("{arg}")).name
            }
        };
        let switch = name == "not" || FLAGS.iter().any(|f| f.name == name && f.value.is_none());
        let value = match given {
            Some(value) => value,
            None if switch => "true",
            None => args.next().unwrap_or_else(|| panic!("no value for {arg}")),
        };
        if name != "first" {
            flags.set(name, value)?;
        }
    }
    flags.finish()
}

#[test]
fn flags_become_hubbles_filters() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/hubble-golden/raw-filters.jsonl"
    );
    let rows = std::fs::read_to_string(path).unwrap();
    let mut compared = 0;
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let args: Vec<String> = serde_json::from_value(row["args"].clone()).unwrap();
        let inner = &args[1..args.len() - 1];
        let (stdout, stderr) = match lists(inner) {
            Ok(lists) => (lists.yaml().unwrap(), String::new()),
            Err(error) => (String::new(), format!("{error}\n")),
        };
        assert_eq!(stdout, row["stdout"], "{} {inner:?}", row["id"]);
        assert_eq!(stderr, row["stderr"], "{} {inner:?}", row["id"]);
        compared += 1;
    }
    assert_eq!(compared, 51);
}

#[test]
fn every_flag_in_the_catalogue_is_taken() {
    for flag in FLAGS {
        let value = match flag.name {
            "from" | "to" => "pod:shop/cart",
            "verdict" => "DROPPED",
            "drop-reason-desc" => "POLICY_DENIED",
            "type" => "drop",
            "tcp-flags" => "syn,ack",
            "http-header" => "a:b",
            "traffic-direction" => "Ingress",
            "reply" => "true",
            _ => "1",
        };
        let mut flags = FilterFlags::default();
        flags.set(flag.name, value).unwrap();
        let lists = flags.finish().unwrap();
        assert!(!lists.whitelist.is_empty(), "{}", flag.name);
    }
}

#[test]
fn our_own_spellings() {
    let args = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
    let ours = lists(&args(&["--from", "pod:shop/cart", "--to", "port:80"])).unwrap();
    let hubbles = lists(&args(&["--from-pod", "shop/cart", "--to-port", "80"])).unwrap();
    assert_eq!(ours, hubbles);
    let error = lists(&args(&["--from", "shop/cart"])).unwrap_err();
    assert!(error.to_string().contains("KIND:VALUE"), "{error}");
}
