//! Names as short as tells the rows of a table apart.

use std::collections::{HashMap, HashSet};

use super::{Row, RowEnd, is_workload};
use crate::workload_ref::Kind;

/// What names can do without, in the rows of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The namespace that all of them have.
    pub namespace: Option<String>,
    /// Workloads of which several pods are named.
    several: HashSet<(String, String)>,
}

/// Gathers what names can do without, row by row: for a table of which only a part is looked at.
#[derive(Debug, Clone, Default)]
pub struct NamesSeen {
    /// A pod of each workload.
    pods: HashMap<(String, String), String>,
    /// Two of them say as much as all.
    namespaces: HashSet<String>,
    names: Names,
}

impl NamesSeen {
    /// Looks at one more row.
    pub fn add(&mut self, row: &Row) {
        for end in [&row.source, &row.destination] {
            self.add_end(end);
        }
    }

    fn add_end(&mut self, end: &RowEnd) {
        if !end.outside.is_empty() {
            return;
        }
        let namespace = &end.who.namespace;
        if self.namespaces.len() < 2 && !self.namespaces.contains(namespace) {
            self.namespaces.insert(namespace.clone());
            let is_only = self.namespaces.len() == 1 && !namespace.is_empty();
            self.names.namespace = is_only.then(|| namespace.clone());
        }
        if !is_workload(&end.who) || end.pod.is_empty() {
            return;
        }
        let key = (namespace.clone(), end.who.name.clone());
        if let Some(known) = self.pods.get(&key) {
            if *known != end.pod {
                self.names.several.insert(key);
            }
        } else {
            self.pods.insert(key, end.pod.clone());
        }
    }

    /// How many workloads are remembered.
    pub fn workloads(&self) -> usize {
        self.pods.len()
    }

    /// What the names of all rows so far can do without.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

impl Names {
    /// Of these rows.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut seen = NamesSeen::default();
        for row in rows {
            seen.add(row);
        }
        seen.names
    }

    /// The shortest name of an end.
    pub fn short(&self, end: &RowEnd) -> String {
        if !end.outside.is_empty() {
            return end.outside.clone();
        }
        let name = self.pod(end);
        match end.who.namespace.as_str() {
            "" => name,
            namespace if self.namespace.as_deref() == Some(namespace) => name,
            namespace => format!("{namespace}/{name}"),
        }
    }

    /// The name of its workload, shorter than the pod's.
    pub fn shortest(&self, end: &RowEnd) -> String {
        let mut end = end.clone();
        end.pod.clear();
        self.short(&end)
    }

    /// The pod without what its template adds, or its workload.
    fn pod(&self, end: &RowEnd) -> String {
        let workload = &end.who.name;
        if end.pod.is_empty() || end.who.kind == Kind::Pod {
            return workload.clone();
        }
        // `web-7d9f8b6c5d-x2k4p` of the workload `web`: hash of the template, then the pod's own letters.
        let own = end.pod.strip_prefix(workload.as_str());
        let own = own.and_then(|rest| rest.strip_prefix('-'));
        let Some((_hash, letters)) = own.and_then(|rest| rest.split_once('-')) else {
            return end.pod.clone();
        };
        let key = (end.who.namespace.clone(), workload.clone());
        match self.several.contains(&key) {
            true => format!("{workload}-{letters}"),
            false => workload.clone(),
        }
    }
}
