-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- Tokens with which external apps call a module's API. Only the hash of a token is kept.
CREATE TABLE module_external_tokens (
    id               UUID NOT NULL PRIMARY KEY,
    site_id          UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id        UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    token_hash       TEXT NOT NULL UNIQUE,
    token_prefix     TEXT NOT NULL,
    scopes           JSONB NOT NULL DEFAULT '[]',
    allowed_domains  JSONB,
    allowed_ips      JSONB,
    rate_limit       BIGINT NOT NULL DEFAULT 100,
    last_used_at     TIMESTAMPTZ,
    usage_count      BIGINT NOT NULL DEFAULT 0,
    expires_at       TIMESTAMPTZ,
    revoked_at       TIMESTAMPTZ,
    created_by       UUID REFERENCES users (id) ON DELETE SET NULL,
    created_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX module_external_tokens_module ON module_external_tokens (module_id);
CREATE INDEX module_external_tokens_expires ON module_external_tokens (expires_at);

-- Tokens with which a person calls the management routes from programs.
CREATE TABLE user_tokens (
    id            UUID NOT NULL PRIMARY KEY,
    user_id       UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash    TEXT NOT NULL UNIQUE,
    token_prefix  TEXT NOT NULL,
    expires_at    TIMESTAMPTZ,
    revoked_at    TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX user_tokens_user ON user_tokens (user_id);

-- The module's data. `version` counts a record's changes; it is its ETag.
CREATE TABLE module_records (
    id          UUID NOT NULL PRIMARY KEY,
    site_id     UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    collection  TEXT NOT NULL,
    data        JSONB NOT NULL,
    version     BIGINT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX module_records_created ON module_records (module_id, collection, created_at, id);

-- What was answered to a request with an `Idempotency-Key`, for as long as it may be repeated.
CREATE TABLE idempotency_keys (
    site_id       UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id     UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    caller        TEXT NOT NULL,
    key           TEXT NOT NULL,
    request_hash  TEXT NOT NULL,
    record        JSONB NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (module_id, caller, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- One row for each call of a module's API. It refers to nothing, because it outlives what it tells of.
CREATE TABLE module_external_requests (
    id                UUID NOT NULL,
    site_id           UUID NOT NULL,
    module_id         UUID NOT NULL,
    token_id          UUID,
    caller            TEXT NOT NULL,
    method            TEXT NOT NULL,
    path              TEXT NOT NULL,
    origin            TEXT,
    ip_address        TEXT NOT NULL,
    user_agent        TEXT,
    status_code       BIGINT NOT NULL,
    response_time_ms  BIGINT NOT NULL,
    error_code        TEXT,
    error_message     TEXT,
    created_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX module_external_requests_site ON module_external_requests (site_id, created_at);
CREATE INDEX module_external_requests_page ON module_external_requests (site_id, id);
CREATE INDEX module_external_requests_token ON module_external_requests (token_id, created_at);
CREATE INDEX module_external_requests_created ON module_external_requests (created_at);

-- Rows of months that have no partition yet; the server makes partitions ahead, so it stays empty.
CREATE TABLE module_external_requests_rest PARTITION OF module_external_requests DEFAULT;

ALTER TABLE module_external_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_external_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_external_tokens USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_external_tokens USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_records FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_records USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_records USING (current_setting('app.global', true) = 'on');

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON idempotency_keys USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON idempotency_keys USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_external_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_external_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_external_requests USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_external_requests USING (current_setting('app.global', true) = 'on');
