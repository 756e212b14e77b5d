//! Questions to resolvers, and sockets of other namespaces.

use std::path::Path;
use std::thread;

/// Runs something with sockets of a network namespace, on a thread of its own.
pub(crate) fn within<T: Send + 'static>(
    namespace: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let namespace = namespace.to_owned();
    thread::spawn(move || {
        flows_lab::netns::enter(&namespace).unwrap();
        work()
    })
}

/// Asks for the IPv4 addresses of a name.
pub(crate) fn query(id: u16, name: &str) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}
