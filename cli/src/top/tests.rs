//! Screens as they look, and what keys do, without a terminal and without a server.

mod filters;
mod given_back;
mod hostile;
#[path = "../../../lab/tests/common/pty.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod pty;
mod sample;
mod screens;
mod state;
mod steps;
mod sums;
mod time;
