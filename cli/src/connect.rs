//! The server that the command line names, and the connection to it.

use std::{path::PathBuf, time::Duration};

use client::{ConnectError, Server, ServerRef, Target};

use crate::{
    config::{ConfigFile, Context},
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
    /// use this context of the config file, not the current one [env: FLOWS_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// file with contexts: servers, and the namespace of names without one [default: ~/.config/flows/config.toml] [env: FLOWS_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Server and lab as flags name them.
    #[arg(skip)]
    given: (Option<String>, Option<String>),
}

/// Hubble's flags for what there is not (yet) here: TLS, logging in, port forwarding.
#[derive(Clone, Debug, clap::Args)]
struct HubbleArgs {
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
        let ours = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        self.given = (self.server.clone(), self.lab.clone());
        if self.config.is_none() {
            self.config = ours("FLOWS_CONFIG").map(PathBuf::from);
        }
        // A flag counts before any variable: also one that names a context.
        if self.server.is_none() && self.lab.is_none() && self.context.is_none() {
            self.server = environment("server");
            self.lab = environment("lab");
        }
        if self.context.is_none() {
            self.context = ours("FLOWS_CONTEXT");
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

    /// The server and the lab that flags name.
    pub(crate) fn given(&self) -> (Option<&str>, Option<&str>) {
        (self.given.0.as_deref(), self.given.1.as_deref())
    }

    /// The file of contexts; one that is to be made needs not be there.
    pub(crate) fn config_file(&self, is_made: bool) -> Result<ConfigFile, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        Ok(ConfigFile::load(
            self.config.as_deref(),
            !is_made,
            variable,
        )?)
    }

    /// The same with the server, lab, context and file that are given here.
    pub(crate) fn named(
        mut self,
        server: Option<String>,
        lab: Option<String>,
        context: Option<String>,
        config: Option<PathBuf>,
    ) -> Self {
        if server.is_some() || lab.is_some() || context.is_some() {
            (self.server, self.lab) = (server, lab);
        }
        self.context = context.or(self.context);
        self.config = config.or(self.config);
        self
    }

    /// The names of all contexts; none of a file that can't be read.
    pub(crate) fn context_names(&self) -> Vec<String> {
        let file = self.config_file(true);
        file.map(|file| file.contexts.contexts.into_keys().collect())
            .unwrap_or_default()
    }

    /// The context that counts.
    fn context(&self) -> Result<Context, Error> {
        let file = self.config_file(false)?;
        let context = file.context(self.context.as_deref())?;
        Ok(context.cloned().unwrap_or_default())
    }

    /// What names without a namespace are of, if a context says so.
    pub(crate) fn namespace(&self) -> Result<Option<String>, Error> {
        Ok(self.context()?.namespace)
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
        let context = match (&self.server, &self.lab, &self.context) {
            (None, None, _) => self.context()?,
            // A context that isn't there is a mistake also where a flag counts.
            (_, _, Some(_)) => self.context().map(|_| Context::default())?,
            _ => Context::default(),
        };
        let named = |server: &'_ Option<String>, lab: &'_ Option<String>| {
            Ok(Target::find(match (server, lab) {
                (Some(server), _) => ServerRef::Server(server),
                (None, Some(lab)) => ServerRef::Lab(lab),
                (None, None) => ServerRef::Nothing,
            })?)
        };
        match (&self.server, &self.lab) {
            (None, None) => named(&context.server, &context.lab),
            (server, lab) => named(server, lab),
        }
    }

    /// Connects to it.
    pub(crate) async fn connect(&self) -> Result<Server, Error> {
        let target = self.target()?;
        let request_timeout = self.request_timeout()?;
        let within = flag::get(&self.timeout)?.unwrap_or(Server::CONNECT_TIMEOUT);
        let server = match Server::connect(&target, within).await {
            Ok(server) => server,
            Err(error) => return Err(self.explained(error)),
        };
        Ok(server.with_request_timeout(request_timeout))
    }

    /// That there is no such lab, if that is why nobody answers.
    fn explained(&self, error: ConnectError) -> Error {
        let labs = client::labs();
        let of_context = || self.context().ok().and_then(|context| context.lab);
        let lab = match (&self.server, &self.lab) {
            (None, None) => of_context(),
            (_, lab) => lab.clone(),
        };
        let Some(lab) = lab.filter(|lab| !labs.contains(lab)) else {
            return error.into();
        };
        let known = match labs.is_empty() {
            true => "no lab is up here".to_owned(),
            false => format!("there are: {}", labs.join(", ")),
        };
        Error::Usage(format!("no lab named {lab}; {known}"))
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
