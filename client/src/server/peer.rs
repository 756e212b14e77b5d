//! `peer.Peer`: the nodes that an agent knows.

use proto::peer::{ChangeNotification, NotifyRequest, peer_client::PeerClient};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
    stream::ResponseStream,
};

impl Server {
    /// The nodes that an agent knows, then every change of them, without end.
    ///
    /// # Errors
    /// The server is a relay, refuses, or can't be reached.
    pub async fn peers(&self) -> Result<ResponseStream<ChangeNotification>, RequestError> {
        let (service, what) = (Service::Peer, "the list of peers");
        let mut client =
            PeerClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let response = client.notify(NotifyRequest {}).await;
        Ok(ResponseStream {
            stream: self.response(service, what, response)?,
            server: self.address.clone(),
            service,
            what,
            is_endless: true,
        })
    }
}
