//! What is declared of each attribute.

mod ends;
mod l7;
mod observation;
mod packet;

use super::names::Known;
use super::read::Read;
use super::{Align, Attribute, AttributeId, Column, Section, ValueType};

/// All, in the order in which expressions list them.
pub(super) fn all() -> impl Iterator<Item = &'static Attribute> + Clone {
    let tables = [ends::ENDS, packet::PACKET, observation::OBSERVATION, l7::L7];
    tables.into_iter().flatten()
}

/// All, in the order of columns: source before destination.
pub(super) fn in_columns() -> impl Iterator<Item = &'static Attribute> {
    let of = |side| {
        let is_of = move |one: &&Attribute| matches!(one.id, AttributeId::Of(of, _) if of == side);
        ends::ENDS.iter().filter(is_of)
    };
    let ends = of(crate::Side::Source).chain(of(crate::Side::Destination));
    let others = [observation::OBSERVATION, l7::L7];
    packet::PACKET
        .iter()
        .chain(ends)
        .chain(others.into_iter().flatten())
}

/// An attribute that is not a column, and of which nothing special is known.
const fn attribute(
    id: AttributeId,
    name: &'static str,
    value_type: ValueType,
    doc: &'static str,
    read: Read,
) -> Attribute {
    Attribute {
        id,
        name,
        aliases: &[],
        value_type,
        doc,
        label: name,
        column: None,
        read,
        known: Known::No,
        max: u64::MAX,
        cell: None,
    }
}

/// A column of texts, with its least and usual width.
const fn left(section: Section, heading: &'static str, min: usize, width: usize) -> Option<Column> {
    Some(Column {
        heading,
        min,
        width,
        align: Align::Left,
        section,
        shows: None,
    })
}

/// A column of numbers, which sorts by them.
const fn right(
    section: Section,
    heading: &'static str,
    min: usize,
    width: usize,
) -> Option<Column> {
    match left(section, heading, min, width) {
        Some(column) => Some(Column {
            align: Align::Right,
            ..column
        }),
        None => None,
    }
}

/// A column that shows more than what expressions compare.
const fn shows(column: Option<Column>, help: &'static str) -> Option<Column> {
    match column {
        Some(column) => Some(Column {
            shows: Some(help),
            ..column
        }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = Vec::new();
        for field in Attribute::fields() {
            names.push(field.name);
            names.extend(field.aliases);
            assert_eq!(Attribute::field(field.name), Some(field));
        }
        let fields = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), fields);

        let mut names: Vec<_> = Attribute::columns().map(|column| column.name).collect();
        let columns = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), columns);
        for attribute in Attribute::columns() {
            assert_eq!(AttributeId::column(attribute.name), Some(attribute.id));
            let column = attribute.column.unwrap();
            assert!(column.min <= column.width, "{}", attribute.name);
        }
        assert_eq!(columns, all().filter(|one| one.column.is_some()).count());
    }

    #[test]
    fn ids_are_unique_and_ends_complete() {
        let ids: std::collections::HashSet<_> = all().map(|attribute| attribute.id).collect();
        assert_eq!(ids.len(), all().count());
        for attribute in all() {
            if let AttributeId::Either(of) = attribute.id {
                for (side, prefix) in [(Side::Source, "src"), (Side::Destination, "dst")] {
                    let one = attribute.at(side);
                    assert_eq!(one.id, AttributeId::Of(side, of));
                    assert_eq!(one.name, format!("{prefix}.{}", attribute.name));
                }
            }
        }
    }

    #[test]
    fn columns_and_fields_of_one_name_are_of_one_thing() {
        // What columns show and expressions don't compare.
        let not_fields = ["timestamp", "source", "destination", "why"];
        for column in Attribute::columns() {
            let known = Attribute::field(column.name).is_some();
            assert_eq!(known, !not_fields.contains(&column.name), "{}", column.name);
        }
    }
}
