-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- Whose consent an external app may ask for on the module's data.
ALTER TABLE site_modules ADD COLUMN oauth_who TEXT NOT NULL DEFAULT 'members' CHECK (oauth_who IN ('nobody', 'admins', 'members'));

-- External apps that may ask for access to a module's data. Only hashes of secrets are kept; a public client has none.
CREATE TABLE module_oauth_clients (
    id                     UUID NOT NULL PRIMARY KEY,
    site_id                UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id              UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    client_id              TEXT NOT NULL UNIQUE,
    client_secret_hash     TEXT,
    previous_secret_hash   TEXT,
    previous_secret_until  TIMESTAMPTZ,
    redirect_uris          JSONB NOT NULL DEFAULT '[]',
    allowed_origins        JSONB NOT NULL DEFAULT '[]',
    scopes                 JSONB NOT NULL DEFAULT '[]',
    homepage               TEXT,
    privacy_url            TEXT,
    terms_url              TEXT,
    -- Whether it may get tokens of its own, without a person, and the admin who answers for that; null for the operator.
    -- The id outlives the person: a client whose admin is gone has nobody who answers for it.
    client_credentials     BOOLEAN NOT NULL DEFAULT FALSE,
    answers_by             UUID,
    disabled_at            TIMESTAMPTZ,
    created_by             UUID REFERENCES users (id) ON DELETE SET NULL,
    created_at             TIMESTAMPTZ NOT NULL,
    updated_at             TIMESTAMPTZ NOT NULL
);
CREATE INDEX module_oauth_clients_module ON module_oauth_clients (module_id);

-- What a person has allowed a client to do, or, without a person, what a client does by itself. It outlives its client as
-- a row that says what there was.
CREATE TABLE module_oauth_grants (
    id            UUID NOT NULL PRIMARY KEY,
    site_id       UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id     UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    client        TEXT NOT NULL,
    client_name   TEXT NOT NULL,
    redirect_uri  TEXT NOT NULL,
    user_id       UUID REFERENCES users (id) ON DELETE CASCADE,
    scopes        JSONB NOT NULL DEFAULT '[]',
    -- From when consent is remembered; null where it is not, and again when the client's name or redirect URIs change.
    consented_at  TIMESTAMPTZ,
    created_at    TIMESTAMPTZ NOT NULL,
    last_used_at  TIMESTAMPTZ,
    last_address  TEXT,
    revoked_at    TIMESTAMPTZ
);
CREATE INDEX module_oauth_grants_module ON module_oauth_grants (module_id, created_at);
CREATE INDEX module_oauth_grants_user ON module_oauth_grants (user_id);
CREATE INDEX module_oauth_grants_client ON module_oauth_grants (client, user_id);
CREATE INDEX module_oauth_grants_revoked ON module_oauth_grants (revoked_at);

-- What one authorization gave: codes, refresh tokens and access tokens name it, and end with it.
CREATE TABLE module_oauth_families (
    id          UUID NOT NULL PRIMARY KEY,
    site_id     UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    grant_id    UUID NOT NULL REFERENCES module_oauth_grants (id) ON DELETE CASCADE,
    scopes      JSONB NOT NULL DEFAULT '[]',
    created_at  TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL,
    revoked_at  TIMESTAMPTZ
);
CREATE INDEX module_oauth_families_grant ON module_oauth_families (grant_id);
CREATE INDEX module_oauth_families_expires ON module_oauth_families (expires_at);

-- Authorization codes, hashed. A used one is kept, because its replay ends its family. `answer` is what its use was
-- answered with, encrypted under a key that only the code gives.
CREATE TABLE module_oauth_codes (
    code_hash     TEXT NOT NULL PRIMARY KEY,
    site_id       UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    family_id     UUID NOT NULL REFERENCES module_oauth_families (id) ON DELETE CASCADE,
    redirect_uri  TEXT NOT NULL,
    resource      TEXT NOT NULL,
    challenge     TEXT NOT NULL,
    answer        BYTEA,
    expires_at    TIMESTAMPTZ NOT NULL,
    used_at       TIMESTAMPTZ
);
CREATE INDEX module_oauth_codes_family ON module_oauth_codes (family_id);
CREATE INDEX module_oauth_codes_expires ON module_oauth_codes (expires_at);

-- Refresh tokens, hashed; each is used once and names the one before.
CREATE TABLE module_oauth_refresh_tokens (
    token_hash   TEXT NOT NULL PRIMARY KEY,
    site_id      UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    family_id    UUID NOT NULL REFERENCES module_oauth_families (id) ON DELETE CASCADE,
    parent_hash  TEXT,
    answer       BYTEA,
    expires_at   TIMESTAMPTZ NOT NULL,
    used_at      TIMESTAMPTZ
);
CREATE INDEX module_oauth_refresh_tokens_family ON module_oauth_refresh_tokens (family_id);
CREATE INDEX module_oauth_refresh_tokens_parent ON module_oauth_refresh_tokens (parent_hash);
CREATE INDEX module_oauth_refresh_tokens_expires ON module_oauth_refresh_tokens (expires_at);

-- Authorization requests, checked, from the link to the answer. Only the handle travels through signing in and consent.
CREATE TABLE oauth_requests (
    handle_hash  TEXT NOT NULL PRIMARY KEY,
    address      TEXT NOT NULL,
    session      UUID,
    parameters   JSONB NOT NULL,
    decided_by   UUID,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    decided_at   TIMESTAMPTZ,
    answer       BYTEA
);
CREATE INDEX oauth_requests_address ON oauth_requests (address, created_at);
CREATE INDEX oauth_requests_session ON oauth_requests (session);
CREATE INDEX oauth_requests_expires ON oauth_requests (expires_at);

-- The keys that sign access tokens. One without `signs_from` is published and does not sign yet.
CREATE TABLE oauth_signing_keys (
    id            UUID NOT NULL PRIMARY KEY,
    kid           TEXT NOT NULL UNIQUE,
    private_key   BYTEA NOT NULL,
    public_jwk    JSONB NOT NULL,
    published_at  TIMESTAMPTZ NOT NULL,
    signs_from    TIMESTAMPTZ,
    retired_at    TIMESTAMPTZ
);

ALTER TABLE module_oauth_clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_oauth_clients FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_oauth_clients USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_oauth_clients USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_oauth_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_oauth_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_oauth_grants USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_oauth_grants USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_oauth_families ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_oauth_families FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_oauth_families USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_oauth_families USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_oauth_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_oauth_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_oauth_codes USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_oauth_codes USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_oauth_refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_oauth_refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_oauth_refresh_tokens USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_oauth_refresh_tokens USING (current_setting('app.global', true) = 'on');

ALTER TABLE oauth_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY every_site ON oauth_requests USING (current_setting('app.global', true) = 'on');

ALTER TABLE oauth_signing_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_signing_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY every_site ON oauth_signing_keys USING (current_setting('app.global', true) = 'on');

-- A membership that ends takes what the person has allowed on the sites of the organization with it.
CREATE POLICY one_organization ON sites FOR SELECT
    USING (organization_id = NULLIF(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY one_organization ON module_oauth_grants USING (site_id IN (
    SELECT id FROM sites WHERE organization_id = NULLIF(current_setting('app.organization_id', true), '')::uuid));
CREATE POLICY one_organization ON events FOR INSERT WITH CHECK (site_id IN (
    SELECT id FROM sites WHERE organization_id = NULLIF(current_setting('app.organization_id', true), '')::uuid));
