//! `flows.v1.Names`: what pods were told for names.

use proto::flows::v1::{ListNamesRequest, ListNamesResponse, names_client::NamesClient};

use super::{
    MAX_MESSAGE, Server,
    error::{RequestError, Service},
};

impl Server {
    /// What pods were told for names, the first so many; also what ran out within the last hour.
    ///
    /// # Errors
    /// The server is a stock Hubble, is too old, refuses, or can't be reached.
    pub async fn list_names(
        &self,
        message: ListNamesRequest,
    ) -> Result<ListNamesResponse, RequestError> {
        let mut client =
            NamesClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let response = client.list_names(self.request(message)).await;
        self.response(Service::Names, "names that pods asked for", response)
    }
}
