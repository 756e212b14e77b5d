//! `flows version`: of the program, and of the server if there is one.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch},
    line::line,
};

/// How long a server may take to say its version: most who ask want to know only ours.
const PATIENCE: Duration = Duration::from_secs(2);

/// The version of the program, with the commit that it was built from if that is known.
pub(crate) const VERSION: &str = env!("FLOWS_VERSION");

/// Print the version, and the server's
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// only the version of this program
    #[arg(long)]
    client: Option<Given<Switch>>,
}

/// Prints both. That there is no server is no mistake, unless one was named.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    writeln!(io::stdout(), "flows {VERSION} on {system}/{machine}")?;
    if flag::is_on(&args.client)? {
        return Ok(());
    }
    let asked = async {
        let server = server.connect().await?;
        let status = server.server_status().await.map_err(Error::Request)?;
        Ok::<_, Error>((server.address().to_owned(), status.version))
    };
    let told = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(told) => told,
        Err(_) => Err(Error::Usage(format!("no answer within {PATIENCE:?}"))),
    };
    let mut out = io::stdout().lock();
    match told {
        Ok((address, version)) if version.is_empty() => {
            line!(out, "server at {address}: it does not say its version")?;
        }
        Ok((address, version)) => {
            line!(out, "server {version} at {address}")?;
            if let Some(skew) = skew(&version) {
                line!(out, "{skew}")?;
            }
        }
        Err(error) if server.is_named() => return Err(error),
        Err(_nobody) => line!(out, "server: none found")?,
    }
    Ok(())
}

/// What is to be said of a server of ours that is of another version: `flows-relay v0.1.0`.
fn skew(version: &str) -> Option<String> {
    let (name, number) = version.split_once(" v")?;
    let number = number.split(' ').next().unwrap_or(number);
    let ours = env!("CARGO_PKG_VERSION");
    (name.starts_with("flows-") && number != ours).then(|| {
        format!(
            "the versions differ ({ours} here, {number} there): what the older one lacks is missing"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_are_told() {
        assert_eq!(
            skew(&format!("flows-relay v{}", env!("CARGO_PKG_VERSION"))),
            None
        );
        assert!(
            skew("flows-relay v99.0.0")
                .unwrap()
                .contains("99.0.0 there")
        );
        assert_eq!(skew("cilium v1.19.4+g2b1b"), None);
        assert_eq!(skew("hubble-relay v1.19.4"), None);
        assert!(VERSION.starts_with(env!("CARGO_PKG_VERSION")));
    }
}
