//! flows-ui: the flows of a cluster in a browser.
//!
//! One process holds one connection to a server of flows and one store of them; browsers ask it by
//! the JSON API that `openapi.yaml` describes, which only reads but for acknowledging incidents. The page is embedded in the program.
//!
//! ```text
//! relay, agent, Hubble, file --> client: Feed --> Store --> api --> page, curl
//! ```

mod api;
mod app_state;
mod assets;
mod auth;
mod config;
mod flow_id;
mod map;
mod metrics;
mod params;
mod problem;
mod server;

pub use assets::page_is_built;
pub use config::{Access, Acknowledging, Args, Config, ConfigError};
pub use server::{Server, ServerError, Sockets};
