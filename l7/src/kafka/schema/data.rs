//! Reading and writing topics, and finding out about them.

use super::*;

pub(super) const APIS: &[Api] = &[
    api(0, 13, 9, PRODUCE_REQUEST, PRODUCE_RESPONSE)
        .offered(12)
        .refused_by(code::TOPIC),
    api(1, 18, 12, FETCH_REQUEST, FETCH_RESPONSE)
        .offered(12)
        .refused_by(code::TOPIC),
    api(2, 10, 6, LIST_OFFSETS_REQUEST, LIST_OFFSETS_RESPONSE).refused_by(code::TOPIC),
    api(3, 13, 9, METADATA_REQUEST, METADATA_RESPONSE)
        .offered(11)
        .refused_by(code::TOPIC),
    api(8, 9, 8, OFFSET_COMMIT_REQUEST, OFFSET_COMMIT_RESPONSE).refused_by(code::TOPIC),
    api(9, 9, 6, OFFSET_FETCH_REQUEST, OFFSET_FETCH_RESPONSE).refused_by(code::TOPIC),
    api(21, 2, 2, DELETE_RECORDS_REQUEST, DELETE_RECORDS_RESPONSE).refused_by(code::TOPIC),
    api(
        23,
        4,
        4,
        OFFSET_FOR_LEADER_EPOCH_REQUEST,
        OFFSET_FOR_LEADER_EPOCH_RESPONSE,
    )
    .refused_by(code::TOPIC),
    api(
        75,
        0,
        0,
        DESCRIBE_TOPIC_PARTITIONS_REQUEST,
        DESCRIBE_TOPIC_PARTITIONS_RESPONSE,
    )
    .refused_by(code::TOPIC),
];

const PRODUCE_REQUEST: &[Field] = &[
    TEXT.since(3),
    I16.is(Role::Acks),
    I32,
    array(&[
        TEXT.until(12).is(Role::Topic),
        UUID.since(13).is(Role::TopicId),
        array(&[I32.is(Role::Partition), BYTES]).each(),
    ])
    .each(),
];

const PRODUCE_RESPONSE: &[Field] = &[
    array(&[
        TEXT.until(12).is(Role::Topic),
        UUID.since(13).is(Role::TopicId),
        array(&[
            I32.is(Role::Partition),
            I16.is(Role::Error),
            I64,
            I64.since(2),
            I64.since(5).or(-1),
            NONE.since(8),
            TEXT.since(8).null(),
        ])
        .each(),
    ])
    .each(),
    I32.since(1),
];

const FETCH_REQUEST: &[Field] = &[
    I32.until(14),
    I32.is(Role::MaxWait),
    I32,
    I32.since(3),
    I8.since(4),
    I32.since(7).is(Role::Session),
    I32.since(7).is(Role::Epoch),
    array(&[
        TEXT.until(12).is(Role::Topic),
        UUID.since(13).is(Role::TopicId),
        array(&[
            I32.is(Role::Partition),
            I32.since(9),
            I64,
            I32.since(12),
            I64.since(5),
            I32,
        ])
        .each(),
    ])
    .each(),
];

const FETCH_RESPONSE: &[Field] = &[
    I32.since(1),
    I16.since(7).is(Role::ErrorIfEmpty),
    I32.since(7).is(Role::Session),
    array(&[
        TEXT.until(12).is(Role::Topic),
        UUID.since(13).is(Role::TopicId),
        array(&[
            I32.is(Role::Partition),
            I16.is(Role::Error),
            I64,
            I64.since(4),
            I64.since(5).or(-1),
            NONE.since(4).null(),
            I32.since(11).or(-1),
            BYTES.null(),
        ])
        .each(),
    ])
    .each(),
];

const LIST_OFFSETS_REQUEST: &[Field] = &[
    I32,
    I8.since(2),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I32.since(4), I64, I32.until(0)]).each(),
    ])
    .each(),
];

const LIST_OFFSETS_RESPONSE: &[Field] = &[
    I32.since(2),
    array(&[
        TEXT.is(Role::Topic),
        array(&[
            I32.is(Role::Partition),
            I16.is(Role::Error),
            NONE.until(0),
            I64.since(1).or(-1),
            I64.since(1).or(-1),
            I32.since(4).or(-1),
        ])
        .each(),
    ])
    .each(),
];

const METADATA_REQUEST: &[Field] =
    &[array(&[UUID.since(10).is(Role::TopicId), TEXT.is(Role::Topic)]).each()];

const METADATA_RESPONSE: &[Field] = &[
    I32.since(3),
    array(&[I32, TEXT, I32, TEXT.since(1).null()]),
    TEXT.since(2).null(),
    I32.since(1),
    array(&[
        I16.is(Role::Error),
        TEXT.null().is(Role::Topic),
        UUID.since(10).is(Role::TopicId),
        I8.since(1),
        array(&[
            I16.is(Role::Error),
            I32.is(Role::Partition),
            I32,
            I32.since(7).or(-1),
            list(&I32),
            list(&I32),
            list(&I32).since(5),
        ]),
        I32.since(8).or(-2147483648),
    ])
    .each(),
    I32.since(8).until(10).or(-2147483648),
    I16.since(13).is(Role::ErrorIfEmpty),
];

const OFFSET_COMMIT_REQUEST: &[Field] = &[
    TEXT,
    I32.since(1),
    TEXT.since(1),
    TEXT.since(7),
    I64.since(2).until(4),
    array(&[
        TEXT.is(Role::Topic),
        array(&[
            I32.is(Role::Partition),
            I64,
            I32.since(6),
            I64.since(1).until(1),
            TEXT,
        ])
        .each(),
    ])
    .each(),
];

const OFFSET_COMMIT_RESPONSE: &[Field] = &[
    I32.since(3),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I16.is(Role::Error)]).each(),
    ])
    .each(),
];

const OFFSET_FETCH_REQUEST: &[Field] = &[
    TEXT.until(7).is(Role::Name),
    array(&[
        TEXT.until(7).is(Role::Topic),
        list(&I32.is(Role::Partition)).each().until(7),
    ])
    .each()
    .until(7),
    array(&[
        TEXT.is(Role::Name),
        TEXT.since(9),
        I32.since(9),
        array(&[TEXT.is(Role::Topic), list(&I32)]).each(),
    ])
    .each()
    .since(8),
];

const OFFSET_FETCH_RESPONSE: &[Field] = &[
    I32.since(3),
    array(&[
        TEXT.until(7).is(Role::Topic),
        array(&[
            I32.until(7).is(Role::Partition),
            I64.until(7),
            I32.since(5).until(7).or(-1),
            TEXT.until(7).null(),
            I16.until(7).is(Role::Error),
        ])
        .each()
        .until(7),
    ])
    .each()
    .until(7),
    I16.since(2).until(7).is(Role::ErrorIfEmpty),
    array(&[TEXT.is(Role::Name), NONE, I16.is(Role::Error)])
        .each()
        .since(8),
];

const DELETE_RECORDS_REQUEST: &[Field] = &[array(&[
    TEXT.is(Role::Topic),
    array(&[I32.is(Role::Partition), I64]).each(),
])
.each()];

const DELETE_RECORDS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I64, I16.is(Role::Error)]).each(),
    ])
    .each(),
];

const OFFSET_FOR_LEADER_EPOCH_REQUEST: &[Field] = &[
    I32.since(3),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I32.since(2), I32]).each(),
    ])
    .each(),
];

const OFFSET_FOR_LEADER_EPOCH_RESPONSE: &[Field] = &[
    I32.since(2),
    array(&[
        TEXT.is(Role::Topic),
        array(&[
            I16.is(Role::Error),
            I32.is(Role::Partition),
            I32.since(1).or(-1),
            I64.or(-1),
        ])
        .each(),
    ])
    .each(),
];

const DESCRIBE_TOPIC_PARTITIONS_REQUEST: &[Field] = &[array(&[TEXT.is(Role::Topic)]).each()];

const DESCRIBE_TOPIC_PARTITIONS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null().is(Role::Topic),
        UUID.is(Role::TopicId),
        I8,
        NONE,
        I32.or(-2147483648),
    ])
    .each(),
    I8.or(-1),
];
