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

impl Names {
    /// Of these rows.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut pods: HashMap<(&str, &str), &str> = HashMap::new();
        let mut several = HashSet::new();
        let mut namespaces: HashSet<&str> = HashSet::new();
        let ends = rows
            .into_iter()
            .flat_map(|row| [&row.source, &row.destination]);
        for end in ends.filter(|end| end.outside.is_empty()) {
            namespaces.insert(&end.who.namespace);
            if !is_workload(&end.who) || end.pod.is_empty() {
                continue;
            }
            let key = (end.who.namespace.as_str(), end.who.name.as_str());
            let known = *pods.entry(key).or_insert(&end.pod);
            if known != end.pod {
                several.insert((end.who.namespace.clone(), end.who.name.clone()));
            }
        }
        let mut namespaces = namespaces.into_iter();
        let namespace = match (namespaces.next(), namespaces.next()) {
            (Some(one), None) if !one.is_empty() => Some(one.to_owned()),
            _ => None,
        };
        Self { namespace, several }
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
