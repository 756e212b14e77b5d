//! Groups of consumers, and what clients tell about themselves.

use super::*;

pub(super) const APIS: &[Api] = &[
    api(
        10,
        6,
        3,
        FIND_COORDINATOR_REQUEST,
        FIND_COORDINATOR_RESPONSE,
    )
    .refused_by(code::GROUP),
    api(11, 9, 6, &[], JOIN_GROUP_RESPONSE).refused_by(code::GROUP),
    api(12, 4, 4, &[], HEARTBEAT_RESPONSE).refused_by(code::GROUP),
    api(13, 5, 4, &[], LEAVE_GROUP_RESPONSE).refused_by(code::GROUP),
    api(14, 5, 4, &[], SYNC_GROUP_RESPONSE).refused_by(code::GROUP),
    api(15, 6, 5, DESCRIBE_GROUPS_REQUEST, DESCRIBE_GROUPS_RESPONSE).refused_by(code::GROUP),
    api(16, 5, 3, &[], LIST_GROUPS_RESPONSE).refused_by(code::GROUP),
    api(42, 2, 2, DELETE_GROUPS_REQUEST, DELETE_GROUPS_RESPONSE).refused_by(code::GROUP),
    api(68, 1, 0, &[], CONSUMER_GROUP_HEARTBEAT_RESPONSE).refused_by(code::GROUP),
    api(
        69,
        1,
        0,
        CONSUMER_GROUP_DESCRIBE_REQUEST,
        CONSUMER_GROUP_DESCRIBE_RESPONSE,
    )
    .refused_by(code::GROUP),
    api(71, 0, 0, &[], GET_TELEMETRY_SUBSCRIPTIONS_RESPONSE),
    api(72, 0, 0, &[], PUSH_TELEMETRY_RESPONSE),
];

const FIND_COORDINATOR_REQUEST: &[Field] = &[
    TEXT.until(3).is(Role::Name),
    I8.since(1).is(Role::KeyType),
    list(&TEXT.is(Role::Name)).each().since(4),
];

const FIND_COORDINATOR_RESPONSE: &[Field] = &[
    I32.since(1),
    I16.until(3).is(Role::Error),
    TEXT.since(1).until(3).null(),
    I32.until(3),
    TEXT.until(3),
    I32.until(3),
    array(&[
        TEXT.is(Role::Name),
        I32,
        TEXT,
        I32,
        I16.is(Role::Error),
        TEXT.null(),
    ])
    .each()
    .since(4),
];

const JOIN_GROUP_RESPONSE: &[Field] = &[
    I32.since(2),
    I16.is(Role::Error),
    I32.or(-1),
    TEXT.since(7).null(),
    TEXT.null(),
    TEXT,
    I8.since(9),
    TEXT,
    NONE,
];

const HEARTBEAT_RESPONSE: &[Field] = &[I32.since(1), I16.is(Role::Error)];

const LEAVE_GROUP_RESPONSE: &[Field] = &[I32.since(1), I16.is(Role::Error), NONE.since(3)];

const SYNC_GROUP_RESPONSE: &[Field] = &[
    I32.since(1),
    I16.is(Role::Error),
    TEXT.since(5).null(),
    TEXT.since(5).null(),
    BYTES,
];

const DESCRIBE_GROUPS_REQUEST: &[Field] = &[list(&TEXT.is(Role::Name)).each()];

const DESCRIBE_GROUPS_RESPONSE: &[Field] = &[
    I32.since(1),
    array(&[
        I16.is(Role::Error),
        TEXT.since(6).null(),
        TEXT.is(Role::Name),
        TEXT,
        TEXT,
        TEXT,
        NONE,
        I32.since(3).or(-2147483648),
    ])
    .each(),
];

const LIST_GROUPS_RESPONSE: &[Field] = &[I32.since(1), I16.is(Role::Error), NONE];

const DELETE_GROUPS_REQUEST: &[Field] = &[list(&TEXT.is(Role::Name)).each()];

const DELETE_GROUPS_RESPONSE: &[Field] = &[
    I32,
    array(&[TEXT.is(Role::Name), I16.is(Role::Error)]).each(),
];

const CONSUMER_GROUP_HEARTBEAT_RESPONSE: &[Field] = &[
    I32,
    I16.is(Role::Error),
    TEXT.null(),
    TEXT.null(),
    I32,
    I32,
    I8.or(-1),
];

const CONSUMER_GROUP_DESCRIBE_REQUEST: &[Field] = &[list(&TEXT.is(Role::Name)).each()];

const CONSUMER_GROUP_DESCRIBE_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null(),
        TEXT.is(Role::Name),
        TEXT,
        I32,
        I32,
        TEXT,
        NONE,
        I32.or(-2147483648),
    ])
    .each(),
];

const GET_TELEMETRY_SUBSCRIPTIONS_RESPONSE: &[Field] = &[
    I32,
    I16.is(Role::Error),
    UUID,
    I32,
    NONE,
    I32,
    I32,
    I8,
    NONE,
];

const PUSH_TELEMETRY_RESPONSE: &[Field] = &[I32, I16.is(Role::Error)];
