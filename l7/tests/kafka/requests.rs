//! A request of each kind and version, built by `kafka-protocol`: of two topics with two partitions each.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

pub(crate) const TOPICS: [&str; 2] = ["alpha", "beta.2"];
pub(crate) const PARTITIONS: [i32; 2] = [3, 0];

/// What a request names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Names {
    Topics,
    /// Topics by their ids.
    Ids,
    /// Something else that an answer repeats, with the same texts.
    Others,
    /// Elements without a text.
    Elements,
    Nothing,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

/// A value for each topic.
fn each<T>(make: impl Fn(&'static str) -> T) -> Vec<T> {
    TOPICS.into_iter().map(make).collect()
}

/// A value for each partition.
fn parts<T>(make: impl Fn(i32) -> T) -> Vec<T> {
    PARTITIONS.into_iter().map(make).collect()
}

/// A tagged field that nobody knows.
fn tags(flexible: bool) -> BTreeMap<i32, Bytes> {
    let long = Bytes::from_static(&[0xff; 200]);
    flexible.then_some((1000, long)).into_iter().collect()
}

/// A request; none: nothing of its body matters.
pub(crate) fn request(key: ApiKey, version: i16) -> (Option<RequestKind>, Names) {
    let flexible = key.request_header_version(version) == 2;
    let (kind, names) = match key {
        ApiKey::Produce | ApiKey::Fetch | ApiKey::OffsetCommit | ApiKey::OffsetFetch => {
            with_ids(key, version, flexible)
        }
        ApiKey::ListOffsets
        | ApiKey::Metadata
        | ApiKey::DeleteRecords
        | ApiKey::OffsetForLeaderEpoch
        | ApiKey::DescribeTopicPartitions
        | ApiKey::AddPartitionsToTxn
        | ApiKey::TxnOffsetCommit => (data(key, version, flexible), Names::Topics),
        ApiKey::CreateTopics
        | ApiKey::DeleteTopics
        | ApiKey::CreatePartitions
        | ApiKey::AlterReplicaLogDirs
        | ApiKey::DescribeLogDirs
        | ApiKey::ElectLeaders
        | ApiKey::AlterPartitionReassignments
        | ApiKey::ListPartitionReassignments
        | ApiKey::OffsetDelete
        | ApiKey::DescribeProducers => (topics(key, version), Names::Topics),
        _ => return others(key, version),
    };
    (Some(kind), names)
}

fn with_ids(key: ApiKey, version: i16, flexible: bool) -> (RequestKind, Names) {
    let since = match key {
        ApiKey::Produce | ApiKey::Fetch => 13,
        _ => 10,
    };
    let by_id = version >= since;
    let names = if by_id { Names::Ids } else { Names::Topics };
    let id = |name: &str| {
        if by_id {
            Uuid::from_u128(0x0505 << 64 | name.len() as u128)
        } else {
            Uuid::nil()
        }
    };
    let name = |name: &str| if by_id { topic("") } else { topic(name) };
    let request = match key {
        ApiKey::Produce => {
            use produce_request::{PartitionProduceData, TopicProduceData};
            RequestKind::Produce(
                ProduceRequest::default()
                    .with_transactional_id(Some(TransactionalId(text("txn"))))
                    .with_acks(-1)
                    .with_topic_data(each(|of| {
                        TopicProduceData::default()
                            .with_name(name(of))
                            .with_topic_id(id(of))
                            .with_unknown_tagged_fields(tags(flexible))
                            .with_partition_data(parts(|index| {
                                PartitionProduceData::default()
                                    .with_index(index)
                                    .with_records(Some(Bytes::from_static(&[0x55; 300])))
                                    .with_unknown_tagged_fields(tags(flexible))
                            }))
                    })),
            )
        }
        ApiKey::Fetch => {
            use fetch_request::{FetchPartition, FetchTopic};
            let cluster = (version >= 12).then(|| text("cluster"));
            RequestKind::Fetch(
                FetchRequest::default()
                    .with_cluster_id(cluster)
                    .with_topics(each(|of| {
                        FetchTopic::default()
                            .with_topic(name(of))
                            .with_topic_id(id(of))
                            .with_unknown_tagged_fields(tags(flexible))
                            .with_partitions(parts(|index| {
                                FetchPartition::default()
                                    .with_partition(index)
                                    .with_unknown_tagged_fields(tags(flexible))
                            }))
                    })),
            )
        }
        ApiKey::OffsetCommit => {
            use offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
            RequestKind::OffsetCommit(OffsetCommitRequest::default().with_topics(each(|of| {
                OffsetCommitRequestTopic::default()
                    .with_name(name(of))
                    .with_topic_id(id(of))
                    .with_partitions(parts(|index| {
                        OffsetCommitRequestPartition::default()
                            .with_partition_index(index)
                            .with_committed_metadata(Some(text("what")))
                    }))
            })))
        }
        _ if version < 8 => {
            use offset_fetch_request::OffsetFetchRequestTopic;
            let topics = each(|of| {
                OffsetFetchRequestTopic::default()
                    .with_name(topic(of))
                    .with_partition_indexes(PARTITIONS.to_vec())
            });
            RequestKind::OffsetFetch(
                OffsetFetchRequest::default()
                    .with_group_id(group("group"))
                    .with_topics(Some(topics)),
            )
        }
        _ => {
            use offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
            let topics = each(|of| {
                OffsetFetchRequestTopics::default()
                    .with_name(name(of))
                    .with_topic_id(id(of))
                    .with_partition_indexes(PARTITIONS.to_vec())
            });
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(group("group"))
                .with_topics(Some(topics));
            RequestKind::OffsetFetch(OffsetFetchRequest::default().with_groups(vec![group]))
        }
    };
    (request, names)
}

fn data(key: ApiKey, version: i16, flexible: bool) -> RequestKind {
    match key {
        ApiKey::ListOffsets => {
            use list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
            RequestKind::ListOffsets(ListOffsetsRequest::default().with_topics(each(|of| {
                let parts = parts(|n| ListOffsetsPartition::default().with_partition_index(n));
                ListOffsetsTopic::default()
                    .with_name(topic(of))
                    .with_partitions(parts)
            })))
        }
        ApiKey::Metadata => {
            use metadata_request::MetadataRequestTopic;
            RequestKind::Metadata(MetadataRequest::default().with_topics(Some(each(|of| {
                MetadataRequestTopic::default()
                    .with_name(Some(topic(of)))
                    .with_unknown_tagged_fields(tags(flexible))
            }))))
        }
        ApiKey::DeleteRecords => {
            use delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
            RequestKind::DeleteRecords(DeleteRecordsRequest::default().with_topics(each(|of| {
                let parts = parts(|n| DeleteRecordsPartition::default().with_partition_index(n));
                DeleteRecordsTopic::default()
                    .with_name(topic(of))
                    .with_partitions(parts)
            })))
        }
        ApiKey::OffsetForLeaderEpoch => {
            use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
            let request = OffsetForLeaderEpochRequest::default().with_topics(each(|of| {
                let parts = parts(|n| OffsetForLeaderPartition::default().with_partition(n));
                OffsetForLeaderTopic::default()
                    .with_topic(topic(of))
                    .with_partitions(parts)
            }));
            RequestKind::OffsetForLeaderEpoch(request)
        }
        ApiKey::DescribeTopicPartitions => {
            use describe_topic_partitions_request::TopicRequest;
            let topics = each(|of| TopicRequest::default().with_name(topic(of)));
            let request = DescribeTopicPartitionsRequest::default().with_topics(topics);
            RequestKind::DescribeTopicPartitions(request)
        }
        ApiKey::AddPartitionsToTxn => {
            use add_partitions_to_txn_request::{
                AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
            };
            let topics = each(|of| {
                AddPartitionsToTxnTopic::default()
                    .with_name(topic(of))
                    .with_partitions(PARTITIONS.to_vec())
            });
            let request = AddPartitionsToTxnRequest::default();
            RequestKind::AddPartitionsToTxn(if version < 4 {
                request.with_v3_and_below_topics(topics)
            } else {
                let of = AddPartitionsToTxnTransaction::default().with_topics(topics);
                request.with_transactions(vec![of])
            })
        }
        _ => {
            use txn_offset_commit_request::{
                TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
            };
            RequestKind::TxnOffsetCommit(TxnOffsetCommitRequest::default().with_topics(each(
                |of| {
                    TxnOffsetCommitRequestTopic::default()
                        .with_name(topic(of))
                        .with_partitions(parts(|index| {
                            TxnOffsetCommitRequestPartition::default().with_partition_index(index)
                        }))
                },
            )))
        }
    }
}

fn topics(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::CreateTopics => {
            use create_topics_request::{
                CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
            };
            RequestKind::CreateTopics(CreateTopicsRequest::default().with_topics(each(|of| {
                let config = CreatableTopicConfig::default()
                    .with_name(text("name"))
                    .with_value(Some(text("value")));
                let assignment = CreatableReplicaAssignment::default()
                    .with_broker_ids(vec![BrokerId(1), BrokerId(2)]);
                CreatableTopic::default()
                    .with_name(topic(of))
                    .with_configs(vec![config])
                    .with_assignments(vec![assignment])
            })))
        }
        ApiKey::DeleteTopics if version < 6 => {
            RequestKind::DeleteTopics(DeleteTopicsRequest::default().with_topic_names(each(topic)))
        }
        ApiKey::DeleteTopics => {
            use delete_topics_request::DeleteTopicState;
            RequestKind::DeleteTopics(DeleteTopicsRequest::default().with_topics(each(|of| {
                DeleteTopicState::default().with_name(Some(topic(of)))
            })))
        }
        ApiKey::CreatePartitions => {
            use create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
            RequestKind::CreatePartitions(CreatePartitionsRequest::default().with_topics(each(
                |of| {
                    let assignment =
                        CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(1)]);
                    CreatePartitionsTopic::default()
                        .with_name(topic(of))
                        .with_assignments(Some(vec![assignment]))
                },
            )))
        }
        ApiKey::AlterReplicaLogDirs => {
            use alter_replica_log_dirs_request::{AlterReplicaLogDir, AlterReplicaLogDirTopic};
            let dirs = each(|of| {
                let of = AlterReplicaLogDirTopic::default()
                    .with_name(topic(of))
                    .with_partitions(PARTITIONS.to_vec());
                AlterReplicaLogDir::default()
                    .with_path(text("/disk"))
                    .with_topics(vec![of])
            });
            RequestKind::AlterReplicaLogDirs(AlterReplicaLogDirsRequest::default().with_dirs(dirs))
        }
        ApiKey::DescribeLogDirs => {
            use describe_log_dirs_request::DescribableLogDirTopic;
            let topics = each(|of| DescribableLogDirTopic::default().with_topic(topic(of)));
            let request = DescribeLogDirsRequest::default().with_topics(Some(topics));
            RequestKind::DescribeLogDirs(request)
        }
        ApiKey::ElectLeaders => {
            use elect_leaders_request::TopicPartitions;
            let topics = each(|of| {
                TopicPartitions::default()
                    .with_topic(topic(of))
                    .with_partitions(PARTITIONS.to_vec())
            });
            RequestKind::ElectLeaders(
                ElectLeadersRequest::default().with_topic_partitions(Some(topics)),
            )
        }
        ApiKey::AlterPartitionReassignments => {
            use alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
            let request = AlterPartitionReassignmentsRequest::default().with_topics(each(|of| {
                let parts = parts(|n| ReassignablePartition::default().with_partition_index(n));
                ReassignableTopic::default()
                    .with_name(topic(of))
                    .with_partitions(parts)
            }));
            RequestKind::AlterPartitionReassignments(request)
        }
        ApiKey::ListPartitionReassignments => {
            use list_partition_reassignments_request::ListPartitionReassignmentsTopics;
            let topics =
                each(|of| ListPartitionReassignmentsTopics::default().with_name(topic(of)));
            let request = ListPartitionReassignmentsRequest::default().with_topics(Some(topics));
            RequestKind::ListPartitionReassignments(request)
        }
        ApiKey::OffsetDelete => {
            use offset_delete_request::OffsetDeleteRequestTopic;
            let topics = each(|of| OffsetDeleteRequestTopic::default().with_name(topic(of)));
            RequestKind::OffsetDelete(OffsetDeleteRequest::default().with_topics(topics))
        }
        _ => {
            use describe_producers_request::TopicRequest;
            let topics = each(|of| {
                TopicRequest::default()
                    .with_name(topic(of))
                    .with_partition_indexes(PARTITIONS.to_vec())
            });
            RequestKind::DescribeProducers(DescribeProducersRequest::default().with_topics(topics))
        }
    }
}

fn others(key: ApiKey, version: i16) -> (Option<RequestKind>, Names) {
    let request = match key {
        ApiKey::DescribeConfigs => {
            use describe_configs_request::DescribeConfigsResource;
            RequestKind::DescribeConfigs(DescribeConfigsRequest::default().with_resources(each(
                |of| {
                    DescribeConfigsResource::default()
                        .with_resource_type(2)
                        .with_resource_name(text(of))
                        .with_configuration_keys(Some(vec![text("key")]))
                },
            )))
        }
        ApiKey::AlterConfigs => {
            use alter_configs_request::{AlterConfigsResource, AlterableConfig};
            RequestKind::AlterConfigs(AlterConfigsRequest::default().with_resources(each(|of| {
                AlterConfigsResource::default()
                    .with_resource_type(2)
                    .with_resource_name(text(of))
                    .with_configs(vec![AlterableConfig::default()])
            })))
        }
        ApiKey::IncrementalAlterConfigs => {
            use incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
            let request = IncrementalAlterConfigsRequest::default().with_resources(each(|of| {
                AlterConfigsResource::default()
                    .with_resource_type(2)
                    .with_resource_name(text(of))
                    .with_configs(vec![AlterableConfig::default()])
            }));
            RequestKind::IncrementalAlterConfigs(request)
        }
        ApiKey::FindCoordinator if version >= 4 => RequestKind::FindCoordinator(
            FindCoordinatorRequest::default().with_coordinator_keys(each(text)),
        ),
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::default().with_key(text("group"));
            return (Some(RequestKind::FindCoordinator(request)), Names::Nothing);
        }
        ApiKey::DescribeGroups => {
            let request = DescribeGroupsRequest::default().with_groups(each(group));
            RequestKind::DescribeGroups(request)
        }
        ApiKey::DeleteGroups => {
            RequestKind::DeleteGroups(DeleteGroupsRequest::default().with_groups_names(each(group)))
        }
        ApiKey::ConsumerGroupDescribe => {
            let request = ConsumerGroupDescribeRequest::default().with_group_ids(each(group));
            RequestKind::ConsumerGroupDescribe(request)
        }
        ApiKey::DescribeTransactions => {
            let ids = each(|name| TransactionalId(text(name)));
            let request = DescribeTransactionsRequest::default().with_transactional_ids(ids);
            RequestKind::DescribeTransactions(request)
        }
        ApiKey::AlterClientQuotas => {
            use alter_client_quotas_request::{EntityData, EntryData, OpData};
            RequestKind::AlterClientQuotas(AlterClientQuotasRequest::default().with_entries(each(
                |of| {
                    let entity = EntityData::default()
                        .with_entity_type(text("user"))
                        .with_entity_name(Some(text(of)));
                    EntryData::default()
                        .with_entity(vec![entity])
                        .with_ops(vec![OpData::default()])
                },
            )))
        }
        ApiKey::AlterUserScramCredentials => {
            use alter_user_scram_credentials_request::{
                ScramCredentialDeletion, ScramCredentialUpsertion,
            };
            let [first, second] = TOPICS;
            let request = AlterUserScramCredentialsRequest::default()
                .with_deletions(vec![
                    ScramCredentialDeletion::default().with_name(text(first)),
                ])
                .with_upsertions(vec![
                    ScramCredentialUpsertion::default().with_name(text(second)),
                ]);
            RequestKind::AlterUserScramCredentials(request)
        }
        ApiKey::CreateAcls => {
            let creations = vec![create_acls_request::AclCreation::default(); 2];
            let request = CreateAclsRequest::default().with_creations(creations);
            return (Some(RequestKind::CreateAcls(request)), Names::Elements);
        }
        ApiKey::DeleteAcls => {
            let filters = vec![delete_acls_request::DeleteAclsFilter::default(); 2];
            let request = DeleteAclsRequest::default().with_filters(filters);
            return (Some(RequestKind::DeleteAcls(request)), Names::Elements);
        }
        _ => return (None, Names::Nothing),
    };
    (Some(request), Names::Others)
}
