//! docs/FILTERS.md lists the fields that there are, and its examples are expressions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use flow::attribute::{Attribute, AttributeId, ValueType};
use flow::{Filter, Side};
use flows_flow as flow;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/FILTERS.md");
    std::fs::read_to_string(path).unwrap()
}

/// The table of fields, those of the ends once.
fn table() -> String {
    let mut rows = vec![
        "| field | holds | what |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for field in Attribute::fields() {
        let (name, doc) = (field.name, field.doc);
        if let AttributeId::Of(..) = field.id {
            continue;
        }
        let names = match field.id == field.at(Side::Source).id {
            true => format!("`{name}`"),
            false => format!("`src.{name}`, `dst.{name}`, `{name}`"),
        };
        let values: Vec<String> = field.known_values().into_iter().map(|(v, _)| v).collect();
        let values = match values.len() {
            0 => String::new(),
            _ if field.value_type == ValueType::Bool => String::new(),
            1..=11 => format!(": `{}`", values.join("`, `")),
            _ => format!(": `{}`, ...", values[..3].join("`, `")),
        };
        let holds = field.value_type.name();
        rows.push(format!("| {names} | {holds} | {doc}{values} |"));
    }
    rows.join("\n")
}

#[test]
fn fields_are_listed() {
    let (page, table) = (page(), table());
    assert!(
        page.contains(&format!("<!-- fields -->\n{table}\n<!-- /fields -->")),
        "docs/FILTERS.md needs this table between its marks:\n{table}"
    );
}

#[test]
fn examples_are_expressions() {
    let page = page();
    let examples = page.split("## Examples").nth(1).unwrap();
    let examples = examples.split("## Grammar").next().unwrap();
    let mut read = 0;
    for row in examples.lines().filter(|row| row.ends_with("` |")) {
        let text = row.split('`').nth(1).unwrap();
        if let Err(error) = Filter::parse_expr(text) {
            panic!("{}", error.render(text));
        }
        read += 1;
    }
    assert!(read >= 12, "{read}");
}
