//! The loader against the running kernel. Each test has a bpffs and a network namespace of its own,
//! which go with it. Needs root and the eBPF object.

mod adoption;
mod changes;
mod counted;
mod declared;
mod ends;
mod killed;
mod proxy;
mod recovery;
mod rings;
mod routes;
mod sizes;
mod tampered;
mod unattended;
mod verifier;
