//! The server: binds, serves, stops.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serve::{
    http::Limited,
    listen::{Bound, Listen, ListenError},
};
use tracing::info;

use crate::app_state::AppState;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::{api, assets, auth, metrics};

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    config: Config,
    listener: Limited,
    metrics_listener: Option<Bound>,
    app: Arc<AppState>,
}

/// What a server listens on.
#[derive(Debug)]
pub struct Sockets {
    page: Bound,
    metrics: Option<Bound>,
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address can't be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The source can't be asked.
    #[error(transparent)]
    Source(#[from] client::ConnectError),
    /// Serving failed.
    #[error("serving: {0}")]
    Serve(#[from] io::Error),
}

impl Server {
    /// Listens. Needs no runtime: it is done before there is one.
    ///
    /// # Errors
    /// When the address is taken or isn't this machine's.
    pub fn listen(config: &Config) -> Result<Sockets, ServerError> {
        Ok(Sockets {
            // Whether others may reach it, the configuration has judged.
            page: Listen::Tcp(config.listen).bind(true)?,
            metrics: serve::metrics::bind(config.metrics_listen.as_ref(), config.insecure)?,
        })
    }

    /// A server that begins to read its source.
    ///
    /// # Errors
    /// When the source can't be asked, or the address listened on.
    pub fn start(config: Config, sockets: Sockets) -> Result<Self, ServerError> {
        let app = Arc::new(AppState::start(
            config.source.clone(),
            config.flags.clone(),
            config.capacity,
            config.history,
            config.acknowledging,
        )?);
        Ok(Self {
            config,
            listener: Limited::new(sockets.page)?,
            metrics_listener: sockets.metrics,
            app,
        })
    }

    /// Listens, and begins to read.
    ///
    /// # Errors
    /// As [`listen`](Self::listen) and [`start`](Self::start).
    pub fn bind(config: Config) -> Result<Self, ServerError> {
        let sockets = Self::listen(&config)?;
        Self::start(config, sockets)
    }

    /// Where it listens: with the port that it got if 0 was asked for.
    ///
    /// # Errors
    /// When the system doesn't know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Where it serves metrics, if it does.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        match &self.metrics_listener {
            Some(Bound::Tcp(listener)) => listener.local_addr().ok(),
            Some(Bound::Unix(..)) | None => None,
        }
    }

    /// Serves until `stop`; streams end then, too.
    ///
    /// # Errors
    /// When serving is not possible any more.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let url = format!("http://{}{}", self.address()?, self.config.base_path);
        info!(%url, page = assets::page_is_built(), "serving");
        let app_state = Arc::clone(&self.app);
        let metrics = Metrics::new(Arc::clone(&self.app), &self.config.base_path);
        let registry = metrics.registry();
        let app = routes(&self.config, self.app).layer(middleware::from_fn_with_state(
            metrics,
            metrics::count_request,
        ));
        let metrics_page = async {
            match self.metrics_listener {
                Some(bound) => serve::metrics::serve(bound, registry).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            never = self.listener.serve(app) => match never {},
            served = metrics_page => Ok(served?),
            () = app_state.log_connection() => Ok(()),
            () = stop => Ok(()),
        }
    }
}

fn routes(config: &Config, app: Arc<AppState>) -> Router {
    // One text for the life of the program.
    let index: &'static str = Box::leak(assets::index(&config.base_path).into_boxed_str());
    let access = Arc::new(config.access.clone());
    let api = api::routes(app).layer(middleware::from_fn_with_state(access, auth::asker));
    let page = Router::new()
        .route(
            "/",
            get(move || async move { assets::index_response(index) }),
        )
        .nest("/api", api)
        .route("/{*path}", get(file));
    let router = match config.base_path.trim_end_matches('/') {
        "" => page,
        base => {
            let whole = config.base_path.clone();
            Router::new()
                .route(
                    base,
                    get(move || async move { Redirect::permanent(&whole) }),
                )
                .nest(&config.base_path, page)
        }
    };
    let posts = api::POSTS.map(|path| format!("{}api{path}", config.base_path));
    let posts: Arc<[String]> = posts.to_vec().into();
    router
        .fallback(nothing)
        .layer(middleware::from_fn_with_state(posts, auth::every))
}

async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    assets::response(&path, &headers)
}

async fn nothing(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(80).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {path:?}"),
    )
    .into_response()
}
