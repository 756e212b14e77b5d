//! The server that the command line names, and the connection to it.

use std::{path::PathBuf, time::Duration};

use client::{Server, ServerRef, Target};

use crate::{
    error::Error,
    flag::{self, Given, Switch, environment, or_environment},
};

/// Flags of every command.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// server address: host:port or unix:///path [default: relay on localhost:4245, else the only lab's, else the only agent's socket] [env: FLOWS_SERVER, HUBBLE_SERVER]
    #[arg(long, global = true, value_name = "ADDRESS", overrides_with = "lab")]
    server: Option<String>,
    /// use the relay of this lab: unix:///run/flows/NAME/relay.sock [env: FLOWS_LAB]
    #[arg(long, global = true, value_name = "NAME", overrides_with = "server")]
    lab: Option<String>,
    /// timeout for a single request [default: 12s]
    #[arg(long, global = true, value_name = "DURATION")]
    request_timeout: Option<Given<Duration>>,
    /// timeout for connecting to the server [default: 5s]
    #[arg(long, global = true, value_name = "DURATION")]
    timeout: Option<Given<Duration>>,
    /// print the requests that are sent and the nodes that connect
    #[arg(short = 'D', long, global = true)]
    debug: Option<Given<Switch>>,
    #[command(flatten)]
    hubble: HubbleArgs,
}

/// Hubble's flags for what there is not (yet) here: TLS, logging in, port forwarding.
#[derive(Clone, Debug, clap::Args)]
struct HubbleArgs {
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long, global = true, hide = true)]
    tls: Option<Given<Switch>>,
    #[arg(long, global = true, hide = true)]
    tls_allow_insecure: Option<Given<Switch>>,
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    tls_ca_cert_files: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    tls_client_cert_file: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    tls_client_key_file: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    tls_server_name: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    basic_auth_username: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "WORD")]
    basic_auth_password: Option<String>,
    #[arg(short = 'P', long, global = true, hide = true)]
    port_forward: Option<Given<Switch>>,
    #[arg(long, global = true, hide = true, value_name = "PORT")]
    port_forward_port: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    kube_context: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    kube_namespace: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl ServerArgs {
    /// With what the environment says where no flag does.
    pub(crate) fn with_environment(mut self) -> Self {
        // A flag counts before any variable.
        if self.server.is_none() && self.lab.is_none() {
            self.server = environment("server");
            self.lab = environment("lab");
        }
        let text = |flag: &mut Option<String>, name| {
            if flag.is_none() {
                *flag = environment(name);
            }
        };
        self.request_timeout = or_environment(&self.request_timeout, "request-timeout");
        self.timeout = or_environment(&self.timeout, "timeout");
        self.debug = or_environment(&self.debug, "debug");
        let hubble = &mut self.hubble;
        hubble.tls = or_environment(&hubble.tls, "tls");
        hubble.port_forward = or_environment(&hubble.port_forward, "port-forward");
        text(&mut hubble.tls_client_cert_file, "tls-client-cert-file");
        text(&mut hubble.tls_client_key_file, "tls-client-key-file");
        text(&mut hubble.basic_auth_username, "basic-auth-username");
        text(&mut hubble.basic_auth_password, "basic-auth-password");
        self
    }

    /// A server or a lab is named.
    pub(crate) fn is_named(&self) -> bool {
        self.server.is_some() || self.lab.is_some()
    }

    /// More is to be shown.
    pub(crate) fn is_debug(&self) -> Result<bool, Error> {
        flag::is_on(&self.debug)
    }

    /// A port is to be forwarded, which Hubble's CLI can.
    pub(crate) fn forwards_port(&self) -> Result<bool, Error> {
        flag::is_on(&self.hubble.port_forward)
    }

    /// The server that is named, else the one there is.
    pub(crate) fn target(&self) -> Result<Target, Error> {
        self.refuse_tls()?;
        Ok(Target::find(match (&self.server, &self.lab) {
            (Some(server), _) => ServerRef::Server(server),
            (None, Some(lab)) => ServerRef::Lab(lab),
            (None, None) => ServerRef::Nothing,
        })?)
    }

    /// Connects to it.
    pub(crate) async fn connect(&self) -> Result<Server, Error> {
        let target = self.target()?;
        let request_timeout = self.request_timeout()?;
        let within = flag::get(&self.timeout)?.unwrap_or(Server::CONNECT_TIMEOUT);
        let server = Server::connect(&target, within).await?;
        Ok(server.with_request_timeout(request_timeout))
    }

    /// How long a single response may take.
    pub(crate) fn request_timeout(&self) -> Result<Duration, Error> {
        Ok(flag::get(&self.request_timeout)?.unwrap_or(Server::REQUEST_TIMEOUT))
    }

    /// Pairs of flags that hubble refuses before it reads anything, be it a file.
    pub(crate) fn check_pairs(&self) -> Result<(), Error> {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let refuse = |why: &str| Err(Error::Usage(format!("invalid flag(s): {why}")));
        let hubble = &self.hubble;
        match (
            given(&hubble.tls_client_cert_file),
            given(&hubble.tls_client_key_file),
        ) {
            (true, true) => {
                let server = self.server.as_deref().unwrap_or_default();
                if !flag::is_on(&hubble.tls)? && !server.starts_with("tls://") {
                    return refuse("transport layer security required");
                }
            }
            (false, false) => {}
            _ => {
                return refuse(
                    "certificate and private key are both required, but only one was provided",
                );
            }
        }
        if given(&hubble.basic_auth_username) != given(&hubble.basic_auth_password) {
            return refuse("must specify both basic-auth-username and basic-auth-password");
        }
        Ok(())
    }

    fn refuse_tls(&self) -> Result<(), Error> {
        if self.forwards_port()? {
            return Err(Error::Usage(
                "--port-forward is not supported: forward the port with kubectl and use --server"
                    .to_owned(),
            ));
        }
        if flag::is_on(&self.hubble.tls)? || self.hubble.basic_auth_username.is_some() {
            return Err(client::no_tls().into());
        }
        Ok(())
    }
}
