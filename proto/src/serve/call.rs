//! One call: a place among those that there are, and a request that is taken whole and found to fit
//! before anybody decodes it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use prost::bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{
    Status,
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
};
use tower::Layer;

use super::{Places, connection, wire};

/// Length of what stands before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Puts [`Bounded`] around a service.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    places: Places,
}

impl Bound {
    pub(super) fn new(places: &Places) -> Self {
        Self {
            places: places.clone(),
        }
    }
}

impl<S> Layer<S> for Bound {
    type Service = Bounded<S>;

    fn layer(&self, service: S) -> Bounded<S> {
        Bounded {
            places: self.places.clone(),
            service,
        }
    }
}

/// A service that gets no more than it can bear.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    places: Places,
    service: S,
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready goes, its clone stays.
        let clone = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, clone);
        let places = self.places.clone();
        Box::pin(async move {
            let call = request.extensions().get::<connection::Calls>();
            let call = call.map(connection::Calls::begin);
            let (request, kept) = match admit(&places, request).await {
                Ok(admitted) => admitted,
                Err(status) => return Ok(status.into_http()),
            };
            let response = service.call(request).await?;
            // What it occupies goes when its response has ended.
            let held = (call, kept);
            Ok(response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _held = &held;
                    frame
                }))
            }))
        })
    }
}

/// What a call occupies.
type Kept = [Option<OwnedSemaphorePermit>; 2];

async fn admit(places: &Places, request: Request<Body>) -> Result<(Request<Body>, Kept), Status> {
    let limits = &places.limits;
    let place = take(&places.calls, 1).ok_or_else(|| {
        Status::resource_exhausted(format!(
            "{} calls are in progress, the most that this server answers at a time; retry later",
            limits.calls
        ))
    })?;
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    // A conversation: its messages come one by one, each within what is decoded at most.
    if path.starts_with("/grpc.reflection.") {
        return Ok((Request::from_parts(head, body), [Some(place), None]));
    }
    let body = whole(body, wire::max_bytes(path), limits.request).await?;
    let mut cost = 0_u32;
    let mut rest = &body[..];
    while let Some((prefix, message)) = rest.split_at_checked(PREFIX) {
        let [_, length @ ..] = prefix else { break };
        let length = length
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (message, next) = message.split_at(length.min(message.len()));
        let found = wire::cost(path, message);
        let found = found.map_err(|error| Status::invalid_argument(error.to_string()))?;
        cost = cost.saturating_add(found);
        rest = next;
    }
    let memory = take(&places.memory, cost).ok_or_else(|| {
        Status::resource_exhausted(format!(
            "a request of about {cost} KiB: all requests in progress may take {} KiB together; \
             send less or retry later",
            limits.memory_kib
        ))
    })?;
    let request = Request::from_parts(head, Body::new(Full::new(body)));
    Ok((request, [Some(place), Some(memory)]))
}

fn take(semaphore: &Arc<Semaphore>, count: u32) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).try_acquire_many_owned(count).ok()
}

async fn whole(body: Body, most: usize, within: Duration) -> Result<Bytes, Status> {
    let collected = Limited::new(body, most.saturating_add(PREFIX)).collect();
    match tokio::time::timeout(within, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Status::resource_exhausted(
            format!("the request has more than {most} bytes; send at most {most}"),
        )),
        Ok(Err(error)) => Err(Status::from_error(error)),
        Err(_elapsed) => Err(Status::deadline_exceeded(format!(
            "the request did not arrive within {} s",
            within.as_secs()
        ))),
    }
}
