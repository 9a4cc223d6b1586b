-- PostgreSQL's twin of this file declares the same tables; a column is added to both, under the same number.

-- Tokens with which external apps call a module's API. Only the hash of a token is kept.
CREATE TABLE module_external_tokens (
    id               BLOB NOT NULL PRIMARY KEY,
    site_id          BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id        BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    token_hash       TEXT NOT NULL UNIQUE,
    token_prefix     TEXT NOT NULL,
    scopes           TEXT NOT NULL DEFAULT '[]',
    allowed_domains  TEXT,
    allowed_ips      TEXT,
    rate_limit       INTEGER NOT NULL DEFAULT 100,
    last_used_at     TEXT,
    usage_count      INTEGER NOT NULL DEFAULT 0,
    expires_at       TEXT,
    revoked_at       TEXT,
    created_by       BLOB REFERENCES users (id) ON DELETE SET NULL,
    created_at       TEXT NOT NULL
);
CREATE INDEX module_external_tokens_module ON module_external_tokens (module_id);
CREATE INDEX module_external_tokens_expires ON module_external_tokens (expires_at);

-- Tokens with which a person calls the management routes from programs.
CREATE TABLE user_tokens (
    id            BLOB NOT NULL PRIMARY KEY,
    user_id       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash    TEXT NOT NULL UNIQUE,
    token_prefix  TEXT NOT NULL,
    expires_at    TEXT,
    revoked_at    TEXT,
    created_at    TEXT NOT NULL
);
CREATE INDEX user_tokens_user ON user_tokens (user_id);

-- The module's data. `version` counts a record's changes; it is its ETag.
CREATE TABLE module_records (
    id          BLOB NOT NULL PRIMARY KEY,
    site_id     BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    collection  TEXT NOT NULL,
    data        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
CREATE INDEX module_records_created ON module_records (module_id, collection, created_at, id);

-- What was answered to a request with an `Idempotency-Key`, for as long as it may be repeated.
CREATE TABLE idempotency_keys (
    site_id       BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id     BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    caller        TEXT NOT NULL,
    key           TEXT NOT NULL,
    request_hash  TEXT NOT NULL,
    record        TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    PRIMARY KEY (module_id, caller, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- One row for each call of a module's API. It refers to nothing, because it outlives what it tells of.
CREATE TABLE module_external_requests (
    id                BLOB NOT NULL,
    site_id           BLOB NOT NULL,
    module_id         BLOB NOT NULL,
    token_id          BLOB,
    caller            TEXT NOT NULL,
    method            TEXT NOT NULL,
    path              TEXT NOT NULL,
    origin            TEXT,
    ip_address        TEXT NOT NULL,
    user_agent        TEXT,
    status_code       INTEGER NOT NULL,
    response_time_ms  INTEGER NOT NULL,
    error_code        TEXT,
    error_message     TEXT,
    created_at        TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX module_external_requests_site ON module_external_requests (site_id, created_at);
CREATE INDEX module_external_requests_page ON module_external_requests (site_id, id);
CREATE INDEX module_external_requests_token ON module_external_requests (token_id, created_at);
CREATE INDEX module_external_requests_created ON module_external_requests (created_at);
