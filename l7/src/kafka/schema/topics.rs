//! Making and changing topics, partitions and configurations.

use super::*;

pub(super) const APIS: &[Api] = &[
    api(19, 7, 5, CREATE_TOPICS_REQUEST, CREATE_TOPICS_RESPONSE).refused_by(code::TOPIC),
    api(20, 6, 4, DELETE_TOPICS_REQUEST, DELETE_TOPICS_RESPONSE).refused_by(code::TOPIC),
    api(
        32,
        4,
        4,
        DESCRIBE_CONFIGS_REQUEST,
        DESCRIBE_CONFIGS_RESPONSE,
    ),
    api(33, 2, 2, ALTER_CONFIGS_REQUEST, ALTER_CONFIGS_RESPONSE),
    api(
        34,
        2,
        2,
        ALTER_REPLICA_LOG_DIRS_REQUEST,
        ALTER_REPLICA_LOG_DIRS_RESPONSE,
    )
    .refused_by(code::TOPIC),
    api(
        35,
        4,
        2,
        DESCRIBE_LOG_DIRS_REQUEST,
        DESCRIBE_LOG_DIRS_RESPONSE,
    ),
    api(
        37,
        3,
        2,
        CREATE_PARTITIONS_REQUEST,
        CREATE_PARTITIONS_RESPONSE,
    )
    .refused_by(code::TOPIC),
    api(43, 2, 2, ELECT_LEADERS_REQUEST, ELECT_LEADERS_RESPONSE),
    api(
        44,
        1,
        1,
        INCREMENTAL_ALTER_CONFIGS_REQUEST,
        INCREMENTAL_ALTER_CONFIGS_RESPONSE,
    ),
    api(
        45,
        1,
        0,
        ALTER_PARTITION_REASSIGNMENTS_REQUEST,
        ALTER_PARTITION_REASSIGNMENTS_RESPONSE,
    ),
    api(
        46,
        0,
        0,
        LIST_PARTITION_REASSIGNMENTS_REQUEST,
        LIST_PARTITION_REASSIGNMENTS_RESPONSE,
    ),
    api(47, 0, NEVER, OFFSET_DELETE_REQUEST, OFFSET_DELETE_RESPONSE).refused_by(code::TOPIC),
    api(
        61,
        0,
        0,
        DESCRIBE_PRODUCERS_REQUEST,
        DESCRIBE_PRODUCERS_RESPONSE,
    )
    .refused_by(code::TOPIC),
];

const CREATE_TOPICS_REQUEST: &[Field] = &[array(&[
    TEXT.is(Role::Topic),
    I32,
    I16,
    array(&[I32.is(Role::Partition), list(&I32)]),
    array(&[TEXT, TEXT]),
])
.each()];

const CREATE_TOPICS_RESPONSE: &[Field] = &[
    I32.since(2),
    array(&[
        TEXT.is(Role::Topic),
        UUID.since(7).is(Role::TopicId),
        I16.is(Role::Error),
        TEXT.since(1).null(),
        I32.since(5).or(-1),
        I16.since(5).or(-1),
        NONE.since(5).null(),
    ])
    .each(),
];

const DELETE_TOPICS_REQUEST: &[Field] = &[
    array(&[TEXT.is(Role::Topic), UUID.is(Role::TopicId)])
        .each()
        .since(6),
    list(&TEXT.is(Role::Topic)).each().until(5),
];

const DELETE_TOPICS_RESPONSE: &[Field] = &[
    I32.since(1),
    array(&[
        TEXT.null().is(Role::Topic),
        UUID.since(6).is(Role::TopicId),
        I16.is(Role::Error),
        TEXT.since(5).null(),
    ])
    .each(),
];

const DESCRIBE_CONFIGS_REQUEST: &[Field] =
    &[array(&[I8.is(Role::Type), TEXT.is(Role::Name), list(&TEXT)]).each()];

const DESCRIBE_CONFIGS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null(),
        I8.is(Role::Type),
        TEXT.is(Role::Name),
        NONE,
    ])
    .each(),
];

const ALTER_CONFIGS_REQUEST: &[Field] =
    &[array(&[I8.is(Role::Type), TEXT.is(Role::Name), array(&[TEXT, TEXT])]).each()];

const ALTER_CONFIGS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null(),
        I8.is(Role::Type),
        TEXT.is(Role::Name),
    ])
    .each(),
];

const ALTER_REPLICA_LOG_DIRS_REQUEST: &[Field] = &[array(&[
    TEXT,
    array(&[TEXT.is(Role::Topic), list(&I32.is(Role::Partition)).each()]).each(),
])];

const ALTER_REPLICA_LOG_DIRS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I16.is(Role::Error)]).each(),
    ])
    .each(),
];

const DESCRIBE_LOG_DIRS_REQUEST: &[Field] = &[array(&[TEXT.is(Role::Topic), list(&I32)])];

const DESCRIBE_LOG_DIRS_RESPONSE: &[Field] = &[I32, I16.since(3).is(Role::Error), NONE];

const CREATE_PARTITIONS_REQUEST: &[Field] =
    &[array(&[TEXT.is(Role::Topic), I32, array(&[list(&I32)])]).each()];

const CREATE_PARTITIONS_RESPONSE: &[Field] = &[
    I32,
    array(&[TEXT.is(Role::Topic), I16.is(Role::Error), TEXT.null()]).each(),
];

const ELECT_LEADERS_REQUEST: &[Field] = &[
    I8.since(1),
    array(&[TEXT.is(Role::Topic), list(&I32.is(Role::Partition)).each()]).each(),
];

const ELECT_LEADERS_RESPONSE: &[Field] = &[
    I32,
    I16.since(1).is(Role::Error),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I16.is(Role::Error), TEXT.null()]).each(),
    ])
    .each(),
];

const INCREMENTAL_ALTER_CONFIGS_REQUEST: &[Field] = &[array(&[
    I8.is(Role::Type),
    TEXT.is(Role::Name),
    array(&[TEXT, I8, TEXT]),
])
.each()];

const INCREMENTAL_ALTER_CONFIGS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null(),
        I8.is(Role::Type),
        TEXT.is(Role::Name),
    ])
    .each(),
];

const ALTER_PARTITION_REASSIGNMENTS_REQUEST: &[Field] = &[
    I32,
    I8.since(1),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), list(&I32)]),
    ]),
];

const ALTER_PARTITION_REASSIGNMENTS_RESPONSE: &[Field] =
    &[I32, I8.since(1), I16.is(Role::Error), TEXT.null(), NONE];

const LIST_PARTITION_REASSIGNMENTS_REQUEST: &[Field] =
    &[I32, array(&[TEXT.is(Role::Topic), list(&I32)])];

const LIST_PARTITION_REASSIGNMENTS_RESPONSE: &[Field] =
    &[I32, I16.is(Role::Error), TEXT.null(), NONE];

const OFFSET_DELETE_REQUEST: &[Field] = &[
    TEXT,
    array(&[TEXT.is(Role::Topic), array(&[I32.is(Role::Partition)])]),
];

const OFFSET_DELETE_RESPONSE: &[Field] = &[I16.is(Role::Error), I32, NONE];

const DESCRIBE_PRODUCERS_REQUEST: &[Field] =
    &[array(&[TEXT.is(Role::Topic), list(&I32.is(Role::Partition)).each()]).each()];

const DESCRIBE_PRODUCERS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        TEXT.is(Role::Topic),
        array(&[
            I32.is(Role::Partition),
            I16.is(Role::Error),
            TEXT.null(),
            NONE,
        ])
        .each(),
    ])
    .each(),
];
