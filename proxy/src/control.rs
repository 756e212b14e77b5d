//! What an agent says to the proxy and hears from it: `flows.v1.Proxy`, on a unix socket.

mod convert;
mod learn;
mod records;
mod rule_file;
mod set_rules;
mod status;

use std::sync::Arc;

use futures::stream::BoxStream;
use proto::flows::v1::proxy_server::{Proxy, ProxyServer};
use proto::flows::v1::{
    GetProxyRecordsRequest, GetProxyRecordsResponse, GetProxyStatusRequest, GetProxyStatusResponse,
    LearnRequest, LearnResponse, SetRulesRequest, SetRulesResponse,
};
use serve::grpc::{Limits, Places, ServeError, with_reflection};
use serve::health::Health;
use serve::listen::Bound;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::context::Context;

pub use learn::AgentNames;
pub use rule_file::{RuleFile, RuleFileError};
pub use status::Ports;

/// The service.
pub struct Control {
    /// Of the proxy.
    pub context: Arc<Context>,
    /// To whom agents acknowledge addresses.
    pub names: Arc<AgentNames>,
    /// Where rules are kept.
    pub file: Arc<RuleFile>,
    /// Where the proxy listens.
    pub ports: Ports,
    /// Ends streams.
    pub stop: CancellationToken,
}

/// Serves until `control.stop` is cancelled.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(control: Control, bound: Bound) -> Result<(), ServeError> {
    let stop = control.stop.clone();
    let (mut health, health_service) = Health::new().await;
    let service = Service {
        control,
        setting: tokio::sync::Mutex::default(),
    };
    let routes = Routes::new(ProxyServer::new(service)).add_service(health_service);
    let routes = with_reflection(routes)?;
    health.set(true).await;
    let ended = async {
        stop.cancelled().await;
        health.end().await;
    };
    let places = Places::new(Limits::agent());
    let served = async {
        let served = places
            .serve(bound, routes, stop.clone().cancelled_owned())
            .await;
        stop.cancel();
        served
    };
    let (served, ()) = tokio::join!(served, ended);
    served
}

struct Service {
    control: Control,
    /// Held by the call that sets rules.
    setting: tokio::sync::Mutex<()>,
}

/// What a streaming call answers.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl Proxy for Service {
    async fn set_rules(
        &self,
        request: Request<Streaming<SetRulesRequest>>,
    ) -> Result<Response<SetRulesResponse>, Status> {
        let Ok(_one) = self.setting.try_lock() else {
            return Err(Status::aborted(
                "rules are being set by another call; retry",
            ));
        };
        let rules = &self.control.context.rules;
        let revision = set_rules::set(rules, &self.control.file, request.into_inner()).await?;
        Ok(Response::new(SetRulesResponse { revision }))
    }

    type GetProxyRecordsStream = Answers<GetProxyRecordsResponse>;

    async fn get_proxy_records(
        &self,
        _: Request<GetProxyRecordsRequest>,
    ) -> Result<Response<Self::GetProxyRecordsStream>, Status> {
        let reader = self.control.context.records.reader();
        let stop = self.control.stop.clone();
        Ok(Response::new(records::stream(reader, stop)))
    }

    type LearnStream = Answers<LearnResponse>;

    async fn learn(
        &self,
        request: Request<Streaming<LearnRequest>>,
    ) -> Result<Response<Self::LearnStream>, Status> {
        let names = Arc::clone(&self.control.names);
        let stop = self.control.stop.clone();
        Ok(Response::new(learn::stream(
            names,
            request.into_inner(),
            stop,
        )))
    }

    async fn get_proxy_status(
        &self,
        _: Request<GetProxyStatusRequest>,
    ) -> Result<Response<GetProxyStatusResponse>, Status> {
        let control = &self.control;
        let has_agent = control.names.has_agent();
        Ok(Response::new(status::status(
            &control.context,
            control.ports,
            has_agent,
        )))
    }
}
