//! One call: a place among those that there are, and a request that is taken whole and found to fit
//! before anybody decodes it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body_util::{BodyExt as _, Full};
use prost::bytes::{Bytes, BytesMut};
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

use super::{
    Places, connection,
    places::{Peer, Place},
    wire,
};

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
            let (request, kept) = match admit(&places, call.as_ref(), request).await {
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
type Kept = (Place, Option<OwnedSemaphorePermit>);

/// Calls of each connection for which its peer's share doesn't matter: somebody with many connections
/// gets an answer in a new one,
const FIRST: usize = 2;
/// unless no more than this part of the places is free: that is for other peers.
const LAST: usize = 8;
/// Asks whether a server is alive: whoever has none of this would start it again.
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// A place for a call. A connection may have as many as are free, so that each new one finds some.
fn place(places: &Places, call: Option<&connection::Call>, path: &str) -> Result<Place, Status> {
    let peer = call.map_or(Peer::Unknown, connection::Call::peer);
    let of_connection = call.map_or(0, connection::Call::others);
    let taken = places.calls.take(peer, |taken| {
        let is_new = of_connection < FIRST && taken.free > places.limits.calls / LAST;
        let share = of_connection <= taken.free && (is_new || taken.is_within_share(peer));
        share || path == HEALTH
    });
    let most = places.limits.calls;
    taken.map_err(|taken| {
        Status::resource_exhausted(match (taken.free, of_connection) {
            (0, _) => format!(
                "{most} calls are in progress, the most that this server answers at a time; \
                 retry later"
            ),
            (free, of_connection) if of_connection > free => format!(
                "this connection has {of_connection} calls in progress, and the {free} of {most} \
                 places that are free are kept for others; end some, or retry later"
            ),
            (free, _) => format!(
                "you have {} calls in progress, and the {free} of {most} places that are free are \
                 kept for others; end some, or retry later",
                taken.of(peer)
            ),
        })
    })
}

async fn admit(
    places: &Places,
    call: Option<&connection::Call>,
    request: Request<Body>,
) -> Result<(Request<Body>, Kept), Status> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let place = place(places, call, path)?;
    if wire::is_conversation(path) {
        return Ok((Request::from_parts(head, body), (place, None)));
    }
    let (body, mut memory) = whole(body, wire::max_bytes(path), places).await?;
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
    grow(&mut memory, places, cost)?;
    let request = Request::from_parts(head, Body::new(Full::new(body)));
    Ok((request, (place, Some(memory))))
}

fn take(semaphore: &Arc<Semaphore>, count: u32) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).try_acquire_many_owned(count).ok()
}

/// Takes what is missing of so many KiB.
fn grow(memory: &mut OwnedSemaphorePermit, places: &Places, kib: u32) -> Result<(), Status> {
    let has = u32::try_from(memory.num_permits()).unwrap_or(u32::MAX);
    let missing = kib.saturating_sub(has);
    if missing > 0 {
        memory.merge(take(&places.memory, missing).ok_or_else(|| no_memory(places, kib))?);
    }
    Ok(())
}

fn no_memory(places: &Places, kib: u32) -> Status {
    Status::resource_exhausted(format!(
        "a request of about {kib} KiB: all requests in progress may take {} KiB together; \
         send less or retry later",
        places.limits.memory_kib
    ))
}

/// A request's body, with the memory that was taken for it as it came: what is not there yet takes
/// none, so that nobody keeps others away by announcing a large one and not sending it.
async fn whole(
    body: Body,
    most: usize,
    places: &Places,
) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
    let within = places.limits.request;
    match tokio::time::timeout(within, collect(body, most, places)).await {
        Ok(collected) => collected,
        Err(_elapsed) => Err(Status::deadline_exceeded(format!(
            "the request did not arrive within {} s",
            within.as_secs()
        ))),
    }
}

async fn collect(
    mut body: Body,
    most: usize,
    places: &Places,
) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
    let mut memory = take(&places.memory, 1).ok_or_else(|| no_memory(places, 1))?;
    // Copied: a frame of one byte kept as it is would take a hundred.
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let length = collected.len() + data.len();
        if length > most.saturating_add(PREFIX) {
            return Err(Status::resource_exhausted(format!(
                "the request has more than {most} bytes; send at most {most}"
            )));
        }
        // The buffer grows by doubling.
        let kib = u32::try_from(1 + (length >> 9)).unwrap_or(u32::MAX);
        grow(&mut memory, places, kib)?;
        collected.extend_from_slice(&data);
    }
    Ok((collected.freeze(), memory))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::StreamBody;
    use prost::Message as _;
    use proto::{flow::FlowFilter, observer::GetFlowsRequest};
    use tokio::sync::mpsc;
    use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
    use tonic::Code;

    use super::*;
    use crate::grpc::Limits;

    const KIB: usize = 1024;

    /// A call whose body comes when the test sends it.
    fn call() -> (mpsc::Sender<Bytes>, Request<Body>) {
        let (send, receive) = mpsc::channel(1024);
        let frames = ReceiverStream::new(receive);
        let frames = frames.then(|data| async { Full::new(data).frame().await.unwrap() });
        let request = Request::builder().uri("/observer.Observer/GetFlows");
        let request = request.body(Body::new(StreamBody::new(frames)));
        (send, request.unwrap())
    }

    fn places(memory_kib: usize) -> Places {
        Places::new(Limits {
            memory_kib,
            ..Limits::relay()
        })
    }

    /// Waits until so much is free.
    async fn free(places: &Places, kib: usize) {
        let free = async {
            while places.memory.available_permits() != kib {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), free).await;
        assert!(waited.is_ok(), "{kib} KiB free");
    }

    #[tokio::test]
    async fn memory_is_taken_as_a_body_comes() {
        let places = places(600);
        // They send nothing, or a part, and don't end.
        let mut senders = Vec::new();
        for bytes in [0, 0, 0, 100 * KIB, 100 * KIB] {
            let (send, request) = call();
            if bytes > 0 {
                send.send(vec![0; bytes].into()).await.unwrap();
            }
            senders.push(send);
            let places = places.clone();
            tokio::spawn(async move { admit(&places, None, request).await.map(drop) });
        }
        free(&places, 600 - 3 - 2 * 201).await;
        // The next one is refused before it has come whole.
        let (send, request) = call();
        for _ in 0..100 {
            send.send(vec![0; KIB].into()).await.unwrap();
        }
        let error = admit(&places, None, request).await.map(drop).unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        let message = error.message();
        assert!(message.contains("may take 600 KiB together"), "{message}");
        // A small one has its place.
        let (send, request) = call();
        send.send(vec![0; PREFIX].into()).await.unwrap();
        drop(send);
        assert!(admit(&places, None, request).await.is_ok());
        drop(senders);
        free(&places, 600).await;
    }

    #[tokio::test]
    async fn a_conversation_begins_before_its_messages_come() {
        let places = places(600);
        for (path, begins) in [
            ("/flows.v1.Proxy/Learn", true),
            ("/flows.v1.Proxy/SetRules", true),
            ("/flows.v1.Proxy/GetProxyRecords", false),
        ] {
            let (_send, mut request) = call();
            *request.uri_mut() = path.parse().unwrap();
            let within = Duration::from_millis(if begins { 30_000 } else { 50 });
            let admitted = tokio::time::timeout(within, admit(&places, None, request)).await;
            assert_eq!(admitted.is_ok(), begins, "{path}");
        }
        free(&places, 600).await;
    }

    #[tokio::test]
    async fn what_a_body_took_is_exchanged_for_what_the_request_costs() {
        let places = places(600);
        let message = GetFlowsRequest {
            whitelist: vec![FlowFilter::default(); 200],
            ..GetFlowsRequest::default()
        };
        let message = message.encode_to_vec();
        let mut body = vec![0; PREFIX];
        body[1..].copy_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend(&message);
        let (send, request) = call();
        // Byte by byte: it comes together again.
        for byte in &body {
            send.send(vec![*byte].into()).await.unwrap();
        }
        drop(send);
        let (request, kept) = admit(&places, None, request).await.unwrap();
        let cost = wire::cost(request.uri().path(), &message).unwrap();
        assert_eq!(
            600 - places.memory.available_permits(),
            usize::try_from(cost).unwrap()
        );
        let collected = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(collected, body);
        drop(kept);
        assert_eq!(places.memory.available_permits(), 600);
    }
}
