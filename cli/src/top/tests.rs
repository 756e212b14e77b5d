//! Screens as they look, and what keys do, without a terminal and without a server.

mod acknowledged;
mod changes;
mod connections;
mod filters;
mod given_back;
mod hostile;
mod incidents;
mod requests;
mod sample;
mod screens;
mod state;
mod steps;
mod sums;
mod time;
