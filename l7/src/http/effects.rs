//! What a rule that allows a request changes about its headers, and what is logged of them.

/// What a rule wants of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected<'a> {
    /// That it is there.
    Present,
    /// This value.
    Value(&'a [u8]),
    /// A value that must not be logged.
    Redacted(&'a [u8]),
}

/// A change to be made before the request is forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// A line more.
    Add(Box<str>, Box<[u8]>),
    /// All lines of this name go.
    Remove(Box<str>),
    /// All lines of this name go, and this one comes.
    Replace(Box<str>, Box<[u8]>),
}

/// A header for the log: its name, and a value, `[redacted]` if that must not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNote {
    /// Name of the header, as the rule has it.
    pub name: Box<str>,
    /// A missing one's expected value, or a rejected one's.
    pub value: Box<[u8]>,
}

/// All that allowed requests' rules do beyond allowing, in the order of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// To be made, one after the other.
    pub changes: Vec<HeaderChange>,
    /// Expected and not there, or not with the expected value.
    pub missing: Vec<HeaderNote>,
    /// There with another value, and removed or replaced.
    pub rejected: Vec<HeaderNote>,
}

impl Effects {
    /// Adds those of another condition or rule, which were judged after these.
    pub fn merge(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.missing.extend(other.missing);
        self.rejected.extend(other.rejected);
    }

    /// The values of a header, of which `values` were sent, after the changes.
    pub(super) fn changed<'a>(&'a self, name: &str, mut values: Vec<&'a [u8]>) -> Vec<&'a [u8]> {
        for change in &self.changes {
            match change {
                HeaderChange::Add(of, value) if of.eq_ignore_ascii_case(name) => values.push(value),
                HeaderChange::Remove(of) if of.eq_ignore_ascii_case(name) => values.clear(),
                HeaderChange::Replace(of, value) if of.eq_ignore_ascii_case(name) => {
                    values = vec![value];
                }
                HeaderChange::Add(..) | HeaderChange::Remove(_) | HeaderChange::Replace(..) => {}
            }
        }
        values
    }
}
