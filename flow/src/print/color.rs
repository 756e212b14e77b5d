//! Terminal colours, as Hubble uses them.

use std::fmt::Write as _;

use proto::flow::Verdict;

use super::safe::{escape_but_tabs, safely};
use crate::format::HostPort;
use crate::identity::Identity;

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const MAGENTA: u8 = 35;
const CYAN: u8 = 36;

/// Colours texts, or just escapes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Color(pub(super) bool);

impl Color {
    /// Adds what `write` adds, in a colour.
    fn with(self, color: u8, out: &mut String, write: impl FnOnce(&mut String)) {
        if !self.0 {
            return write(out);
        }
        for part in ["\u{1b}[", &color.to_string(), "m"] {
            out.push_str(part);
        }
        write(out);
        out.push_str("\u{1b}[0m");
    }

    /// Adds a host.
    pub(super) fn host(self, host: &HostPort<'_>, out: &mut String) {
        if !self.0 {
            return safely(out, escape_but_tabs, |out| {
                // Writing to a string can't fail.
                let _written = write!(out, "{host}");
            });
        }
        self.with(CYAN, out, |out| {
            let name = escape_but_tabs(&host.name.to_string());
            let brackets = if host.port > 0 && name.contains(':') {
                ["[", "]"]
            } else {
                [""; 2]
            };
            out.push_str(brackets[0]);
            out.push_str(&name);
            out.push_str(brackets[1]);
            if host.port > 0 {
                out.push(':');
                self.with(YELLOW, out, |out| out.push_str(&host.port.to_string()));
            }
        });
    }

    /// Adds an identity.
    pub(super) fn identity(self, identity: Identity, out: &mut String) {
        self.with(MAGENTA, out, |out| {
            let _written = write!(out, "({identity})");
        });
    }

    /// Adds what `write` adds in the colour of a verdict.
    pub(super) fn verdict(
        self,
        verdict: Verdict,
        out: &mut String,
        write: impl FnOnce(&mut String),
    ) {
        let color = match verdict {
            Verdict::Forwarded | Verdict::Redirected => GREEN,
            Verdict::Dropped | Verdict::Error => RED,
            Verdict::Audit | Verdict::Traced | Verdict::Translated => YELLOW,
            Verdict::Unknown => return write(out),
        };
        self.with(color, out, write);
    }

    /// Adds a kind of authentication.
    pub(super) fn auth(self, text: &str, out: &mut String) {
        let color = if text == "TEST_ALWAYS_FAIL" {
            RED
        } else {
            GREEN
        };
        self.with(color, out, |out| out.push_str(text));
    }
}
