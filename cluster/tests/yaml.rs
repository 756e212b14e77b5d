//! YAML within limits, and what is said of what isn't YAML.

use flows_cluster::yaml::{Error, MAX_BYTES, MAX_DEPTH, MAX_NODES, Value, parse};

fn refused(name: &str, text: &str) -> Error {
    parse(text)
        .map(|documents| documents.len())
        .expect_err(name)
}

#[test]
fn anchors_aliases_and_merges() {
    let text = "base: &b {x: 1, y: &y [a, b]}\nmore:\n  <<: *b\n  x: 2\nlist: [*y, *b]\n&k key: 1\nof: {*k : 5}\n";
    let tree = parse(text).expect("valid").remove(0);
    let more = tree.get("more").expect("more");
    assert_eq!(more.get("x").map(|x| &x.value), Some(&Value::Int(2)));
    assert!(more.get("y").is_some(), "{more:?}");
    assert_eq!(
        tree.at_path("list[1].x").map(|x| &x.value),
        Some(&Value::Int(1))
    );
    assert_eq!(
        tree.at_path("of.key").map(|x| &x.value),
        Some(&Value::Int(5))
    );
    // A repeated value stands where it is repeated.
    assert_eq!(tree.at_path("list[0]").map(|node| node.at.line), Some(5));
}

#[test]
fn tags_decide() {
    let tree = parse("[!!str 80, !!int '80', ! 80, 80, !Ref x]")
        .expect("valid")
        .remove(0);
    let items = tree.value.as_list().expect("a list");
    let values: Vec<&Value> = items.iter().map(|item| &item.value).collect();
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        values,
        [
            &text("80"),
            &Value::Int(80),
            &text("80"),
            &Value::Int(80),
            &text("x")
        ]
    );
}

#[test]
fn nesting_is_bounded_in_every_style() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let block = |depth: usize| {
        let lines = (0..depth).map(|level| format!("{}a:\n", " ".repeat(level)));
        lines.collect::<String>()
    };
    let dashes = |depth: usize| format!("{}a", "- ".repeat(depth));
    let mixed = |depth: usize| {
        format!(
            "{}{}{}",
            block(depth / 2),
            " ".repeat(depth),
            flow(depth.div_ceil(2))
        )
    };
    let aliased = |depth: usize| {
        // Twice half the depth, by an alias.
        let half = depth / 2;
        format!(
            "a: &a {}\nb: {}*a{}\n",
            flow(half),
            "[".repeat(half - 1),
            "]".repeat(half - 1)
        )
    };
    let texts: [(&str, &dyn Fn(usize) -> String); 5] = [
        ("flow", &flow),
        ("block", &block),
        ("dashes", &dashes),
        ("mixed", &mixed),
        ("aliased", &aliased),
    ];
    for (name, of) in texts {
        assert!(
            parse(&of(MAX_DEPTH)).is_ok(),
            "{name}: {:?}",
            parse(&of(MAX_DEPTH)).err()
        );
        for depth in [MAX_DEPTH + 2, 1_000, 3_000] {
            let error = refused(name, &of(depth));
            assert!(
                error.problem.contains("at most 64 levels"),
                "{name}: {error}"
            );
            assert!(error.at.line > 0, "{name}: {error}");
        }
    }
}

#[test]
fn what_is_repeated_is_bounded() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 'b'..='j' {
        let before = char::from_u32(u32::from(level) - 1).expect("a letter");
        let items = vec![format!("*{before}"); 10].join(", ");
        bomb.push_str(&format!("{level}: &{level} [{items}]\n"));
    }
    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(100_000),
        "*a, ".repeat(1_000)
    );
    let nested = format!(
        "{}{}",
        "[&a".repeat(60).replace("&a", "&a "),
        "]".repeat(60)
    );
    let kept = format!(
        "{}{}{}",
        (0..60).map(|n| format!("&a{n} [")).collect::<String>(),
        "x, ".repeat(10_000),
        "]".repeat(60)
    );
    for (name, text) in [
        ("a bomb", bomb),
        ("a long text", long),
        ("kept over and over", kept),
    ] {
        let error = refused(name, &text);
        assert!(
            error
                .problem
                .contains("repeat too much: at most 100000 values"),
            "{name}: {error}"
        );
        assert!(error.at.line > 0, "{name}: {error}");
    }
    assert!(parse(&nested).is_ok());
    let error = refused("itself", "a: &a [*a]\n");
    assert_eq!(
        error.to_string(),
        "1:8: repeats a value that it is itself a part of"
    );
}

#[test]
fn size_is_bounded() {
    let error = refused("large", &"#".repeat(MAX_BYTES + 1));
    assert_eq!(
        error.problem,
        "is too large: 33 MiB, at most 32 MiB are read; split it"
    );
    let error = refused("many", &format!("[{}]", "1,".repeat(MAX_NODES + 1)));
    assert_eq!(
        error.problem,
        "has too many values: at most 2000000 are read; split it"
    );
}

/// Words of the parser never reach the author.
#[test]
fn mistakes_are_named_in_plain_words() {
    for (text, wanted) in [
        (
            "a: 1\na: 2\n",
            "2:1: key \"a\" stands twice in this mapping, first on line 1; remove one",
        ),
        ("a: [1, 2\n", "1:4: [ is never closed; close it"),
        (
            "a: {b: 1]\n",
            "1:4: { is closed by ]; close it by its own bracket",
        ),
        ("a: 'b\n", "a quote is never closed; close it"),
        ("a:\n\tb: 1\n", "a tab can't indent; use spaces"),
        ("a:\n  b: 1\n c: 2\n", "check the colon and the indentation"),
        (
            "a: b: c\n",
            "a colon can't stand here; check the indentation, or quote the text that has it",
        ),
        (
            "a: \"\\q\"\n",
            "a backslash begins nothing that is known here; write two of them, or use single quotes",
        ),
        (
            "a: *b\n",
            "refers to an anchor (&name) that isn't there before it",
        ),
        ("a: @b\n", "'@' can't begin a value; quote the text"),
        (
            "{a: 1}\n{b: 1}\n",
            "2:1: a document has ended before this; begin the next one with ---",
        ),
        (": x\n", "1:1: a key is missing before the colon"),
        (
            "[a]: x\n",
            "1:1: a list or mapping can't be a key; quote it if it is text",
        ),
        ("<<: 5\n", "1:5: << takes a mapping, or a list of mappings"),
    ] {
        let error = refused(text, text).to_string();
        assert!(error.ends_with(wanted), "{text:?}: {error}");
    }
}
