//! The broker: one node, topics of one partition each.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse,
    RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable as _, Encodable, StrBytes};
use kafka_protocol::records::RecordBatchDecoder;

use super::{broken, read_frame, write_frame};
use crate::serve;

/// What it understands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    ApiVersions,
}

/// In which versions: those before topics went by numbers.
const VERSIONS: [(Kind, ApiKey, i16, i16); 5] = [
    (Kind::Produce, ApiKey::Produce, 3, 8),
    (Kind::Fetch, ApiKey::Fetch, 4, 11),
    (Kind::ListOffsets, ApiKey::ListOffsets, 1, 5),
    (Kind::Metadata, ApiKey::Metadata, 1, 8),
    (Kind::ApiVersions, ApiKey::ApiVersions, 0, 3),
];
const NODE: BrokerId = BrokerId(0);
/// How many batches a topic keeps; older ones go.
const BATCHES: usize = 10_000;
/// How long it lets a fetch wait for records, whatever that asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Some records, as they were produced.
struct Batch {
    base: i64,
    records: i64,
    bytes: Bytes,
}

#[derive(Default)]
struct Topic {
    batches: VecDeque<Batch>,
    /// The offset of the next record.
    next: i64,
}

impl Topic {
    fn first(&self) -> i64 {
        self.batches.front().map_or(self.next, |batch| batch.base)
    }
}

/// A broker that keeps records in memory.
pub struct Broker {
    host: StrBytes,
    port: u16,
    topics: Mutex<BTreeMap<String, Topic>>,
    grown: Condvar,
}

impl Broker {
    /// A broker that tells clients to connect to `host` and `port`, with these topics.
    pub fn new(host: &str, port: u16, topics: &[String]) -> Self {
        let topics = topics.iter().map(|name| (name.clone(), Topic::default()));
        Self {
            host: StrBytes::from_string(host.to_owned()),
            port,
            topics: Mutex::new(topics.collect()),
            grown: Condvar::new(),
        }
    }

    /// Serves until it is stopped.
    pub fn serve(&self, listener: &TcpListener) {
        serve(listener, |stream| self.talk(stream));
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<String, Topic>> {
        // What a panic left is whole: each change is one step.
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let frame = read_frame(&mut stream)?;
            if let Some(answer) = self.answer(frame)? {
                write_frame(&mut stream, &answer)?;
            }
        }
    }

    /// The answer to a request; none if it wants none.
    fn answer(&self, mut frame: Bytes) -> io::Result<Option<BytesMut>> {
        let (Ok(key), Ok(version)) = (
            frame.clone().try_get_i16(),
            frame.clone().get(2..4).map_or(Err(()), |bytes| {
                Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
            }),
        ) else {
            return Err(broken("a request without a head"));
        };
        let unknown = || broken(format!("API {key} version {version} isn't understood"));
        let known = VERSIONS.iter().find(|(_, known, ..)| *known as i16 == key);
        let (kind, key, oldest, newest) = *known.ok_or_else(unknown)?;
        let header_version = match kind == Kind::ApiVersions && version > newest {
            true => 1,
            false => key.request_header_version(version),
        };
        let header = RequestHeader::decode(&mut frame, header_version).map_err(broken)?;
        let id = header.correlation_id;
        if !(oldest..=newest).contains(&version) {
            if kind != Kind::ApiVersions {
                return Err(unknown());
            }
            // Any broker answers this one in version 0, so that clients find one that both know.
            let error = ResponseError::UnsupportedVersion.code();
            return encode(key, 0, id, &versions().with_error_code(error)).map(Some);
        }
        let frame = &mut frame;
        match kind {
            Kind::ApiVersions => encode(key, version, id, &versions()),
            Kind::Metadata => {
                let request = MetadataRequest::decode(frame, version).map_err(broken)?;
                encode(key, version, id, &self.metadata(request))
            }
            Kind::ListOffsets => {
                let request = ListOffsetsRequest::decode(frame, version).map_err(broken)?;
                encode(key, version, id, &self.offsets(request))
            }
            Kind::Fetch => {
                let request = FetchRequest::decode(frame, version).map_err(broken)?;
                encode(key, version, id, &self.fetch(request))
            }
            Kind::Produce => {
                let request = ProduceRequest::decode(frame, version).map_err(broken)?;
                let wants_none = request.acks == 0;
                let answer = self.produce(request);
                if wants_none {
                    return Ok(None);
                }
                encode(key, version, id, &answer)
            }
        }
        .map(Some)
    }

    fn metadata(&self, request: MetadataRequest) -> MetadataResponse {
        let topics = self.topics();
        let wanted: Vec<TopicName> = match request.topics {
            Some(wanted) => wanted.into_iter().filter_map(|topic| topic.name).collect(),
            None => topics.keys().map(|name| topic_name(name)).collect(),
        };
        let of = |name: TopicName| {
            let answer = MetadataResponseTopic::default().with_name(Some(name.clone()));
            if !topics.contains_key(name.0.as_str()) {
                return answer.with_error_code(ResponseError::UnknownTopicOrPartition.code());
            }
            let partition = MetadataResponsePartition::default()
                .with_leader_id(NODE)
                .with_replica_nodes(vec![NODE])
                .with_isr_nodes(vec![NODE]);
            answer.with_partitions(vec![partition])
        };
        let broker = MetadataResponseBroker::default()
            .with_node_id(NODE)
            .with_host(self.host.clone())
            .with_port(self.port.into());
        MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_controller_id(NODE)
            .with_cluster_id(Some(StrBytes::from_static_str("lab")))
            .with_topics(wanted.into_iter().map(of).collect())
    }

    fn produce(&self, request: ProduceRequest) -> ProduceResponse {
        let mut topics = self.topics();
        let mut responses = Vec::new();
        for data in request.topic_data {
            let mut partitions = Vec::new();
            for partition in data.partition_data {
                let answer = PartitionProduceResponse::default().with_index(partition.index);
                let topic = topics.get_mut(data.name.0.as_str());
                let stored = match topic.filter(|_| partition.index == 0) {
                    None => Err(ResponseError::UnknownTopicOrPartition),
                    Some(topic) => append(topic, partition.records.unwrap_or_default()),
                };
                partitions.push(match stored {
                    Ok(base) => answer.with_base_offset(base).with_log_append_time_ms(-1),
                    Err(error) => answer.with_error_code(error.code()).with_base_offset(-1),
                });
            }
            let answer = TopicProduceResponse::default().with_name(data.name);
            responses.push(answer.with_partition_responses(partitions));
        }
        self.grown.notify_all();
        ProduceResponse::default().with_responses(responses)
    }

    fn fetch(&self, request: FetchRequest) -> FetchResponse {
        let wait = u64::try_from(request.max_wait_ms).unwrap_or_default();
        let until = Instant::now() + Duration::from_millis(wait).min(LONGEST_WAIT);
        let mut topics = self.topics();
        loop {
            let (answer, is_empty) = found(&topics, &request);
            let left = until.saturating_duration_since(Instant::now());
            if !is_empty || left.is_zero() {
                return answer;
            }
            let waited = self.grown.wait_timeout(topics, left);
            topics = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn offsets(&self, request: ListOffsetsRequest) -> ListOffsetsResponse {
        /// "The first one there is", in place of a time.
        const EARLIEST: i64 = -2;
        let topics = self.topics();
        let answers = request.topics.into_iter().map(|wanted| {
            let topic = topics.get(wanted.name.0.as_str());
            let partitions = wanted.partitions.iter().map(|partition| {
                let answer = ListOffsetsPartitionResponse::default()
                    .with_partition_index(partition.partition_index)
                    .with_timestamp(-1);
                match topic.filter(|_| partition.partition_index == 0) {
                    None => answer.with_error_code(ResponseError::UnknownTopicOrPartition.code()),
                    Some(topic) if partition.timestamp == EARLIEST => {
                        answer.with_offset(topic.first())
                    }
                    Some(topic) => answer.with_offset(topic.next),
                }
            });
            let partitions = partitions.collect();
            ListOffsetsTopicResponse::default()
                .with_name(wanted.name)
                .with_partitions(partitions)
        });
        ListOffsetsResponse::default().with_topics(answers.collect())
    }
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

fn versions() -> ApiVersionsResponse {
    let keys = VERSIONS.map(|(_, key, oldest, newest)| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_min_version(oldest)
            .with_max_version(newest)
    });
    ApiVersionsResponse::default().with_api_keys(keys.into())
}

/// Adds what was produced, with its place in the topic written into it.
fn append(topic: &mut Topic, records: Bytes) -> Result<i64, ResponseError> {
    let sets = RecordBatchDecoder::decode_all(&mut records.clone());
    let sets = sets.map_err(|_unreadable| ResponseError::CorruptMessage)?;
    let count = sets.iter().map(|set| set.records.len()).sum::<usize>();
    let count = i64::try_from(count).map_err(|_too_many| ResponseError::CorruptMessage)?;
    // A batch begins with its first record's offset, which its checksum doesn't cover.
    let mut bytes = BytesMut::from(&records[..]);
    let base = topic.next;
    match (bytes.get_mut(..8), sets.len()) {
        (Some(place), 1) => place.copy_from_slice(&base.to_be_bytes()),
        _ => return Err(ResponseError::CorruptMessage),
    }
    topic.next += count;
    topic.batches.push_back(Batch {
        base,
        records: count,
        bytes: bytes.freeze(),
    });
    if topic.batches.len() > BATCHES {
        topic.batches.pop_front();
    }
    Ok(base)
}

/// What there is of what is wanted, and whether that is nothing at all.
fn found(topics: &BTreeMap<String, Topic>, request: &FetchRequest) -> (FetchResponse, bool) {
    let mut is_empty = true;
    let mut room = usize::try_from(request.max_bytes).unwrap_or_default();
    let mut responses = Vec::new();
    for wanted in &request.topics {
        let topic = topics.get(wanted.topic.0.as_str());
        let mut partitions = Vec::new();
        for partition in &wanted.partitions {
            let answer = PartitionData::default()
                .with_partition_index(partition.partition)
                .with_aborted_transactions(None)
                .with_preferred_read_replica(BrokerId(-1));
            let Some(topic) = topic.filter(|_| partition.partition == 0) else {
                is_empty = false;
                let error = ResponseError::UnknownTopicOrPartition.code();
                partitions.push(answer.with_error_code(error).with_high_watermark(-1));
                continue;
            };
            let answer = answer
                .with_high_watermark(topic.next)
                .with_last_stable_offset(topic.next)
                .with_log_start_offset(topic.first());
            if !(topic.first()..=topic.next).contains(&partition.fetch_offset) {
                is_empty = false;
                partitions.push(answer.with_error_code(ResponseError::OffsetOutOfRange.code()));
                continue;
            }
            let mut bytes = BytesMut::new();
            let batches = topic.batches.iter();
            for batch in batches.filter(|batch| batch.base + batch.records > partition.fetch_offset)
            {
                // The first one always, or there would be no end.
                if !bytes.is_empty() && batch.bytes.len() > room {
                    break;
                }
                room = room.saturating_sub(batch.bytes.len());
                bytes.extend_from_slice(&batch.bytes);
            }
            is_empty &= bytes.is_empty();
            partitions.push(answer.with_records(Some(bytes.freeze())));
        }
        let answer = FetchableTopicResponse::default().with_topic(wanted.topic.clone());
        responses.push(answer.with_partitions(partitions));
    }
    let answer = FetchResponse::default().with_responses(responses);
    (answer, is_empty)
}

fn encode(key: ApiKey, version: i16, id: i32, answer: &impl Encodable) -> io::Result<BytesMut> {
    let mut frame = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(id)
        .encode(&mut frame, key.response_header_version(version))
        .and_then(|()| answer.encode(&mut frame, version))
        .map_err(broken)?;
    Ok(frame)
}
