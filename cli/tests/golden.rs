//! The real program over Hubble's golden data: same output, same words, same exit code.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

/// A row of the golden data.
#[derive(Deserialize)]
struct Row {
    id: String,
    args: Vec<String>,
    #[serde(default)]
    stdin_file: Option<String>,
    stdout: String,
    stderr: String,
    exit: i32,
}

/// The row that is about the words of Hubble's JSON library for what is wrong with a line: what is
/// printed and the number of warnings must agree all the same.
const IN_OTHER_WORDS: &str = "case-301";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/hubble-golden")
}

fn rows(file: &str) -> Vec<Row> {
    let text = std::fs::read_to_string(directory().join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Stderr with the clock of log lines taken out, without the first line when it is the request in
/// Go's text form, and without hints, which Hubble's CLI doesn't give.
fn normal(stderr: &str) -> String {
    let mut text = String::new();
    for line in stderr.lines() {
        let line = match line
            .strip_prefix("time=")
            .and_then(|line| line.split_once(' '))
        {
            Some((_, rest)) if rest.starts_with("level=DEBUG") => continue,
            None if line.starts_with("hint: ") => continue,
            Some((_, rest)) => format!("time=<TIME> {rest}"),
            None => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// What differs, if anything does.
fn compare(row: &Row) -> Option<String> {
    let stdin = match &row.stdin_file {
        Some(file) => Stdio::from(File::open(directory().join(file)).unwrap()),
        None => Stdio::null(),
    };
    let output = Command::new(env!("CARGO_BIN_EXE_flows"))
        .args(&row.args)
        .current_dir(directory())
        .env_clear()
        .env("TZ", "UTC")
        // Hubble's default; ours is wide.
        .env("FLOWS_OUTPUT", "compact")
        .stdin(stdin)
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (said, expected) = (normal(&stderr), normal(&row.stderr));
    let same_words = if row.id == IN_OTHER_WORDS {
        let places = |text: &str| {
            let words = |line: &str| line.split(" error=").next().unwrap().to_owned();
            text.lines().map(words).collect::<Vec<_>>()
        };
        places(&said) == places(&expected)
    } else {
        said == expected
    };
    let code = output.status.code();
    let same = stdout == row.stdout && same_words && code == Some(row.exit);
    (!same).then(|| {
        let first = |got: &str, want: &str| {
            let pair = got
                .lines()
                .zip(want.lines())
                .find(|(got, want)| got != want);
            match pair {
                Some((got, want)) => format!("    got  {got}\n    want {want}\n"),
                None if got == want => String::new(),
                None => format!(
                    "    {} lines, not {}\n",
                    got.lines().count(),
                    want.lines().count()
                ),
            }
        };
        let out = first(&stdout, &row.stdout);
        let err = first(&said, &expected);
        format!(
            "{} {:?}: exit {code:?}, not {}\n{out}{err}",
            row.id, row.args, row.exit
        )
    })
}

fn check(file: &str, count: usize) {
    let rows = rows(file);
    assert_eq!(rows.len(), count, "rows of {file}");
    // Hundreds of processes: a few at a time.
    let different: Vec<_> = std::thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(4));
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().filter_map(compare).collect::<Vec<_>>()))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    });
    assert!(
        different.is_empty(),
        "{} of {count} rows of {file} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

#[test]
fn flows_are_filtered_and_printed_as_hubble_does() {
    check("cases.jsonl", 226);
}

#[test]
fn flags_become_filters_as_hubbles_do() {
    check("raw-filters.jsonl", 51);
}
