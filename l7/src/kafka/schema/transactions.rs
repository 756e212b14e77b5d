//! Producers and transactions.

use super::*;

pub(super) const APIS: &[Api] = &[
    api(22, 6, 2, &[], INIT_PRODUCER_ID_RESPONSE).refused_by(code::TRANSACTIONAL_ID),
    api(
        24,
        5,
        3,
        ADD_PARTITIONS_TO_TXN_REQUEST,
        ADD_PARTITIONS_TO_TXN_RESPONSE,
    )
    .refused_by(code::TOPIC),
    api(25, 4, 3, &[], ADD_OFFSETS_TO_TXN_RESPONSE).refused_by(code::TRANSACTIONAL_ID),
    api(26, 5, 3, &[], END_TXN_RESPONSE).refused_by(code::TRANSACTIONAL_ID),
    api(
        28,
        5,
        3,
        TXN_OFFSET_COMMIT_REQUEST,
        TXN_OFFSET_COMMIT_RESPONSE,
    )
    .refused_by(code::TOPIC),
    api(
        65,
        0,
        0,
        DESCRIBE_TRANSACTIONS_REQUEST,
        DESCRIBE_TRANSACTIONS_RESPONSE,
    )
    .refused_by(code::TRANSACTIONAL_ID),
    api(66, 2, 0, &[], LIST_TRANSACTIONS_RESPONSE).refused_by(code::TRANSACTIONAL_ID),
];

const INIT_PRODUCER_ID_RESPONSE: &[Field] = &[
    I32,
    I16.is(Role::Error),
    I64.or(-1),
    I16,
    I64.since(6).or(-1),
    I16.since(6).or(-1),
];

const ADD_PARTITIONS_TO_TXN_REQUEST: &[Field] = &[
    array(&[
        TEXT,
        I64,
        I16,
        I8,
        array(&[TEXT.is(Role::Topic), list(&I32)]),
    ])
    .since(4),
    TEXT.until(3),
    I64.until(3),
    I16.until(3),
    array(&[TEXT.is(Role::Topic), list(&I32.is(Role::Partition)).each()])
        .each()
        .until(3),
];

const ADD_PARTITIONS_TO_TXN_RESPONSE: &[Field] = &[
    I32,
    I16.since(4).is(Role::Error),
    NONE.since(4),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I16.is(Role::Error)]).each(),
    ])
    .each()
    .until(3),
];

const ADD_OFFSETS_TO_TXN_RESPONSE: &[Field] = &[I32, I16.is(Role::Error)];

const END_TXN_RESPONSE: &[Field] = &[
    I32,
    I16.is(Role::Error),
    I64.since(5).or(-1),
    I16.since(5).or(-1),
];

const TXN_OFFSET_COMMIT_REQUEST: &[Field] = &[
    TEXT,
    TEXT,
    I64,
    I16,
    I32.since(3),
    TEXT.since(3),
    TEXT.since(3),
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I64, I32.since(2), TEXT]).each(),
    ])
    .each(),
];

const TXN_OFFSET_COMMIT_RESPONSE: &[Field] = &[
    I32,
    array(&[
        TEXT.is(Role::Topic),
        array(&[I32.is(Role::Partition), I16.is(Role::Error)]).each(),
    ])
    .each(),
];

const DESCRIBE_TRANSACTIONS_REQUEST: &[Field] = &[list(&TEXT.is(Role::Name)).each()];

const DESCRIBE_TRANSACTIONS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.is(Role::Name),
        TEXT,
        I32,
        I64,
        I64,
        I16,
        NONE,
    ])
    .each(),
];

const LIST_TRANSACTIONS_RESPONSE: &[Field] = &[I32, I16.is(Role::Error), NONE, NONE];
