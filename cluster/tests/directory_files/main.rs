//! A directory whose files change under its feet.

mod common;
mod large_files;
mod vanishing;
mod writers;
