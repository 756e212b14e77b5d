//! Rules of layer 7 and for names: read, compiled, judged.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cases;
mod language;
mod redirects;
mod request;
