-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

CREATE TABLE organizations (
    id          UUID NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    id          UUID NOT NULL PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);

CREATE TABLE members (
    organization_id  UUID NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id          UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role             TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sites (
    id               UUID NOT NULL PRIMARY KEY,
    organization_id  UUID NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX sites_organization ON sites (organization_id);

-- A module keeps its id over its versions. What it serves is `current_version_id`; publishing and rolling back are one
-- update of that column, unpublishing sets it to null.
CREATE TABLE site_modules (
    id                  UUID NOT NULL PRIMARY KEY,
    site_id             UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name                TEXT NOT NULL,
    current_version_id  UUID,
    created_at          TIMESTAMPTZ NOT NULL,
    updated_at          TIMESTAMPTZ NOT NULL,
    UNIQUE (site_id, name)
);

CREATE TABLE module_versions (
    id            UUID NOT NULL PRIMARY KEY,
    site_id       UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id     UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    version       TEXT NOT NULL,
    entry         TEXT NOT NULL,
    manifest      JSONB NOT NULL,
    published_at  TIMESTAMPTZ NOT NULL,
    UNIQUE (module_id, version)
);
ALTER TABLE site_modules ADD CONSTRAINT site_modules_current_version_id_fkey
    FOREIGN KEY (current_version_id) REFERENCES module_versions (id) ON DELETE SET NULL;
CREATE INDEX site_modules_current_version ON site_modules (current_version_id);

-- What a version consists of. The bytes lie in the storage under their SHA-256, so that versions share what they have
-- in common.
CREATE TABLE module_files (
    site_id       UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    version_id    UUID NOT NULL REFERENCES module_versions (id) ON DELETE CASCADE,
    path          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    size          BIGINT NOT NULL,
    content_type  TEXT NOT NULL,
    PRIMARY KEY (version_id, path)
);
CREATE INDEX module_files_sha256 ON module_files (sha256);

CREATE TABLE module_allowed_domains (
    id                   UUID NOT NULL PRIMARY KEY,
    site_id              UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id            UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    domain               TEXT NOT NULL,
    verified             BOOLEAN NOT NULL DEFAULT FALSE,
    verification_token   TEXT NOT NULL,
    verified_at          TIMESTAMPTZ,
    allow_embed          BOOLEAN NOT NULL DEFAULT TRUE,
    allow_api            BOOLEAN NOT NULL DEFAULT TRUE,
    embed_types          JSONB NOT NULL DEFAULT '[]',
    rate_limit           BIGINT NOT NULL DEFAULT 1000,
    verification_method  TEXT CHECK (verification_method IN ('dns', 'meta', 'loopback')),
    last_proved_at       TIMESTAMPTZ,
    last_checked_at      TIMESTAMPTZ,
    last_error           TEXT,
    missing_since        TIMESTAMPTZ,
    missing_days         BIGINT NOT NULL DEFAULT 0,
    next_check_at        TIMESTAMPTZ,
    created_at           TIMESTAMPTZ NOT NULL,
    updated_at           TIMESTAMPTZ NOT NULL,
    UNIQUE (site_id, module_id, domain)
);
CREATE INDEX module_allowed_domains_next_check ON module_allowed_domains (next_check_at);
CREATE INDEX module_allowed_domains_module ON module_allowed_domains (module_id);

-- The outbox: an event is written in the transaction of the change that it tells of. It outlives its module.
CREATE TABLE events (
    id          UUID NOT NULL PRIMARY KEY,
    site_id     UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   UUID,
    type        TEXT NOT NULL,
    data        JSONB NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX events_site ON events (site_id, created_at);

-- One row; every change that a running server must notice counts it up.
CREATE TABLE revision (
    id     BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    value  BIGINT NOT NULL
);

-- Who runs a background job, until when, and how its last run went.
CREATE TABLE job_leases (
    name         TEXT NOT NULL PRIMARY KEY,
    owner        UUID NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    finished_at  TIMESTAMPTZ,
    error        TEXT
);

INSERT INTO organizations (id, name, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'Default', '2026-01-01T00:00:00+00:00');
INSERT INTO revision (id, value) VALUES (1, 1);

-- Tenant isolation, a second time: a query that forgets its site sees nothing. `Db::begin(site)` sets `app.site_id` for
-- one transaction; `Db::begin_global()`, for the few that must cross tenants, sets `app.global` instead. Neither is set on
-- a fresh connection, so that whoever comes past `Db` reads and writes no tenant's rows. FORCE holds the owner to
-- the policies as well; a superuser is never held, which is why the server warns when it is run as one.

ALTER TABLE sites ENABLE ROW LEVEL SECURITY;
ALTER TABLE sites FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON sites USING (id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON sites USING (current_setting('app.global', true) = 'on');

ALTER TABLE site_modules ENABLE ROW LEVEL SECURITY;
ALTER TABLE site_modules FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON site_modules USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON site_modules USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_versions USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_versions USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_files ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_files FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_files USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_files USING (current_setting('app.global', true) = 'on');

ALTER TABLE module_allowed_domains ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_allowed_domains FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_allowed_domains USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_allowed_domains USING (current_setting('app.global', true) = 'on');

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON events USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON events USING (current_setting('app.global', true) = 'on');
