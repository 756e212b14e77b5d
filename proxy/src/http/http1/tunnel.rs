//! A WebSocket, once the server agreed: bytes both ways, which are not judged.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::body::{Body, CopyError};
use super::exchange::Server;
use super::input::Input;
use crate::http::Ended;
use crate::splice::Activity;

/// Copies both ways until both ends closed; an end that closes is closed on the other side, which may go on.
pub(super) async fn run<C, U>(
    client: &mut Input<ReadHalf<C>>,
    output: &mut WriteHalf<C>,
    server: &mut Server<U>,
    idle: Duration,
) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let activity = Activity::new();
    let Server {
        input,
        output: to_server,
        ..
    } = server;
    let up = copy(client, to_server, &activity);
    let down = copy(input, output, &activity);
    tokio::select! {
        both = async { tokio::try_join!(up, down) } => match both {
            Ok(_) => Ended::Closed,
            Err(_) => Ended::Cut,
        },
        () = activity.none_for(idle) => Ended::Cut,
    }
}

async fn copy(
    from: &mut Input<impl AsyncRead + Unpin>,
    to: &mut (impl AsyncWrite + Unpin),
    activity: &Activity,
) -> Result<(), CopyError> {
    Body::UntilClose
        .copy(Vec::new(), from, to, activity)
        .await?;
    to.shutdown().await.map_err(CopyError::Write)
}
