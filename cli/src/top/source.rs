//! Where the flows come from, and how a command asks the same.

/// Where the flows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FlowSource {
    /// A server, by its address.
    Server(String),
    /// A file, by its path.
    File(String),
}

impl FlowSource {
    /// The lab whose relay it is.
    pub(crate) fn lab(&self) -> Option<&str> {
        let Self::Server(address) = self else {
            return None;
        };
        let path = address.trim_start_matches("unix://");
        let lab = path.strip_prefix("/run/flows/")?;
        let lab = lab.strip_suffix("/relay.sock")?;
        (!lab.contains('/')).then_some(lab)
    }

    /// A command of ours as one that asks this server, and no other one that there may be.
    pub(crate) fn command(&self, command: &str) -> String {
        let (flag, value) = match (self, self.lab()) {
            (_, Some(lab)) => ("--lab", lab),
            (Self::Server(address), None) => ("--server", address.as_str()),
            (Self::File(_), None) => return command.to_owned(),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:[]".contains(c);
        let value = if value.chars().all(is_plain) {
            value.to_owned()
        } else {
            format!("'{}'", value.replace('\'', "'\\''"))
        };
        match command.strip_prefix("flows ") {
            Some(rest) => format!("flows {flag} {value} {rest}"),
            None => command.to_owned(),
        }
    }
}
