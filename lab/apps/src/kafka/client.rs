//! The client: one request of each kind, at the versions that every broker of the last years knows.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::{broken, read_frame, write_frame};

const METADATA: i16 = 8;
const PRODUCE: i16 = 7;
const FETCH: i16 = 11;
const CLIENT_ID: &str = "flows-lab";
/// The most that is fetched at once, in bytes.
const MOST: i32 = 1 << 20;

/// A request's end: what the broker said, if it wasn't a "well".
pub type Answer<T> = io::Result<Result<T, ResponseError>>;

struct Connection {
    stream: TcpStream,
    last: i32,
}

impl Connection {
    fn open(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, last: 0 })
    }

    fn ask<T: Decodable>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &impl Encodable,
    ) -> io::Result<T> {
        self.last += 1;
        let mut frame = BytesMut::new();
        RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.last)
            .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)))
            .encode(&mut frame, key.request_header_version(version))
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(broken)?;
        write_frame(&mut self.stream, &frame)?;
        let mut answer = read_frame(&mut self.stream)?;
        let header = key.response_header_version(version);
        let header = ResponseHeader::decode(&mut answer, header).map_err(broken)?;
        if header.correlation_id != self.last {
            return Err(broken("an answer to another request"));
        }
        T::decode(&mut answer, version).map_err(broken)
    }

    /// Whether the broker has the topic, as clients ask before anything else.
    fn look_up(&mut self, topic: &TopicName) -> Answer<()> {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic.clone()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![wanted]))
            .with_allow_auto_topic_creation(false);
        let answer: MetadataResponse = self.ask(ApiKey::Metadata, METADATA, &request)?;
        let found = answer.topics.first();
        let found = found.ok_or_else(|| broken("an answer without the topic"))?;
        Ok(code(found.error_code))
    }
}

fn code(error: i16) -> Result<(), ResponseError> {
    ResponseError::try_from_code(error).map_or(Ok(()), Err)
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// Gives the broker one record. Its offset.
///
/// # Errors
/// As the connection has them; what the broker said is within.
pub fn produce(to: SocketAddr, topic: &str, text: &str, patience: Duration) -> Answer<i64> {
    let mut connection = Connection::open(to, patience)?;
    let topic = name(topic);
    if let Err(error) = connection.look_up(&topic)? {
        return Ok(Err(error));
    }
    let mut records = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut records, [&record(text)], &options).map_err(broken)?;
    let partition = PartitionProduceData::default().with_records(Some(records.freeze()));
    let data = TopicProduceData::default()
        .with_name(topic)
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![data]);
    let answer: ProduceResponse = connection.ask(ApiKey::Produce, PRODUCE, &request)?;
    let found = answer.responses.first();
    let found = found.and_then(|topic| topic.partition_responses.first());
    let found = found.ok_or_else(|| broken("an answer without the topic"))?;
    Ok(code(found.error_code).map(|()| found.base_offset))
}

fn record(text: &str) -> Record {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    });
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: now,
        key: None,
        value: Some(Bytes::copy_from_slice(text.as_bytes())),
        headers: Default::default(),
    }
}

/// Fetches a topic's records from its beginning, as far as one answer goes, without asking for the topic first: there
/// is one broker.
///
/// # Errors
/// As the connection has them; what the broker said is within.
pub fn fetch(to: SocketAddr, topic: &str, patience: Duration) -> Answer<Vec<String>> {
    let mut connection = Connection::open(to, patience)?;
    let topic = name(topic);
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(MOST);
    let wanted = FetchTopic::default()
        .with_topic(topic)
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(100)
        .with_min_bytes(1)
        .with_max_bytes(MOST)
        .with_session_epoch(-1)
        .with_topics(vec![wanted]);
    let answer: FetchResponse = connection.ask(ApiKey::Fetch, FETCH, &request)?;
    let found = answer.responses.first();
    let found = found.and_then(|topic| topic.partitions.first());
    let found = found.ok_or_else(|| broken("an answer without the topic"))?;
    if let Err(error) = code(found.error_code) {
        return Ok(Err(error));
    }
    let mut records = found.records.clone().unwrap_or_default();
    let sets = RecordBatchDecoder::decode_all(&mut records).map_err(broken)?;
    let values = sets.into_iter().flat_map(|set| set.records);
    Ok(Ok(values
        .map(|record| String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned())
        .collect()))
}
