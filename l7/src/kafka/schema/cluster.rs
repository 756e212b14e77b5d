//! Logins, access lists, quotas and the cluster.

use super::*;

pub(super) const APIS: &[Api] = &[
    api(17, 1, NEVER, &[], SASL_HANDSHAKE_RESPONSE),
    api(18, 4, 3, &[], API_VERSIONS_RESPONSE),
    api(29, 3, 2, &[], DESCRIBE_ACLS_RESPONSE),
    api(30, 3, 2, CREATE_ACLS_REQUEST, CREATE_ACLS_RESPONSE),
    api(31, 3, 2, DELETE_ACLS_REQUEST, DELETE_ACLS_RESPONSE),
    api(36, 2, 2, &[], SASL_AUTHENTICATE_RESPONSE),
    api(38, 3, 2, &[], CREATE_DELEGATION_TOKEN_RESPONSE).refused_by(code::DELEGATION_TOKEN),
    api(39, 2, 2, &[], RENEW_DELEGATION_TOKEN_RESPONSE).refused_by(code::DELEGATION_TOKEN),
    api(40, 2, 2, &[], EXPIRE_DELEGATION_TOKEN_RESPONSE).refused_by(code::DELEGATION_TOKEN),
    api(41, 3, 2, &[], DESCRIBE_DELEGATION_TOKEN_RESPONSE).refused_by(code::DELEGATION_TOKEN),
    api(48, 1, 1, &[], DESCRIBE_CLIENT_QUOTAS_RESPONSE),
    api(
        49,
        1,
        1,
        ALTER_CLIENT_QUOTAS_REQUEST,
        ALTER_CLIENT_QUOTAS_RESPONSE,
    ),
    api(50, 0, 0, &[], DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE),
    api(
        51,
        0,
        0,
        ALTER_USER_SCRAM_CREDENTIALS_REQUEST,
        ALTER_USER_SCRAM_CREDENTIALS_RESPONSE,
    ),
    api(55, 2, 0, &[], DESCRIBE_QUORUM_RESPONSE),
    api(57, 2, 0, &[], UPDATE_FEATURES_RESPONSE),
    api(60, 2, 0, &[], DESCRIBE_CLUSTER_RESPONSE),
    api(64, 0, 0, &[], UNREGISTER_BROKER_RESPONSE),
    api(74, 1, 0, &[], LIST_CLIENT_METRICS_RESOURCES_RESPONSE),
];

const SASL_HANDSHAKE_RESPONSE: &[Field] = &[I16.is(Role::Error), NONE];

/// Each element begins with a key, its oldest and its newest version: see `rewrite`.
const API_VERSIONS_RESPONSE: &[Field] = &[
    I16.is(Role::Error),
    array(&[I16, I16, I16]).each(),
    I32.since(1),
];

const DESCRIBE_ACLS_RESPONSE: &[Field] = &[I32, I16.is(Role::Error), TEXT.null(), NONE];

const CREATE_ACLS_REQUEST: &[Field] = &[array(&[I8, TEXT, I8.since(1), TEXT, TEXT, I8, I8]).each()];

const CREATE_ACLS_RESPONSE: &[Field] = &[I32, array(&[I16.is(Role::Error), TEXT.null()]).each()];

const DELETE_ACLS_REQUEST: &[Field] = &[array(&[I8, TEXT, I8.since(1), TEXT, TEXT, I8, I8]).each()];

const DELETE_ACLS_RESPONSE: &[Field] =
    &[I32, array(&[I16.is(Role::Error), TEXT.null(), NONE]).each()];

const SASL_AUTHENTICATE_RESPONSE: &[Field] =
    &[I16.is(Role::Error), TEXT.null(), BYTES, I64.since(1)];

const CREATE_DELEGATION_TOKEN_RESPONSE: &[Field] = &[
    I16.is(Role::Error),
    TEXT,
    TEXT,
    TEXT.since(3),
    TEXT.since(3),
    I64,
    I64,
    I64,
    TEXT,
    BYTES,
    I32,
];

const RENEW_DELEGATION_TOKEN_RESPONSE: &[Field] = &[I16.is(Role::Error), I64, I32];

const EXPIRE_DELEGATION_TOKEN_RESPONSE: &[Field] = &[I16.is(Role::Error), I64, I32];

const DESCRIBE_DELEGATION_TOKEN_RESPONSE: &[Field] = &[I16.is(Role::Error), NONE, I32];

const DESCRIBE_CLIENT_QUOTAS_RESPONSE: &[Field] =
    &[I32, I16.is(Role::Error), TEXT.null(), NONE.null()];

const ALTER_CLIENT_QUOTAS_REQUEST: &[Field] = &[array(&[
    array(&[TEXT.is(Role::Name), TEXT.is(Role::Second)]).each(),
    array(&[TEXT, I64, I8]),
])
.each()];

const ALTER_CLIENT_QUOTAS_RESPONSE: &[Field] = &[
    I32,
    array(&[
        I16.is(Role::Error),
        TEXT.null(),
        array(&[TEXT.is(Role::Name), TEXT.null().is(Role::Second)]).each(),
    ])
    .each(),
];

const DESCRIBE_USER_SCRAM_CREDENTIALS_RESPONSE: &[Field] =
    &[I32, I16.is(Role::Error), TEXT.null(), NONE];

const ALTER_USER_SCRAM_CREDENTIALS_REQUEST: &[Field] = &[
    array(&[TEXT.is(Role::Name), I8]).each(),
    array(&[TEXT.is(Role::Name), I8, I32, BYTES, BYTES]).each(),
];

const ALTER_USER_SCRAM_CREDENTIALS_RESPONSE: &[Field] = &[
    I32,
    array(&[TEXT.is(Role::Name), I16.is(Role::Error), TEXT.null()]).each(),
];

const DESCRIBE_QUORUM_RESPONSE: &[Field] = &[
    I16.is(Role::Error),
    TEXT.since(2).null(),
    NONE,
    NONE.since(2),
];

const UPDATE_FEATURES_RESPONSE: &[Field] = &[I32, I16.is(Role::Error), TEXT.null(), NONE.until(1)];

const DESCRIBE_CLUSTER_RESPONSE: &[Field] = &[
    I32,
    I16.is(Role::Error),
    TEXT.null(),
    I8.since(1).or(1),
    TEXT,
    I32.or(-1),
    NONE,
    I32.or(-2147483648),
];

const UNREGISTER_BROKER_RESPONSE: &[Field] = &[I32, I16.is(Role::Error), TEXT.null()];

const LIST_CLIENT_METRICS_RESOURCES_RESPONSE: &[Field] = &[I32, I16.is(Role::Error), NONE];
