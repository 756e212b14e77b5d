//! Screens as they look, and what keys do, without a terminal and without a server.

mod sample;
mod screens;
mod steps;
