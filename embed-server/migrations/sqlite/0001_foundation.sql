-- Ids are UUIDv7 as 16 bytes, times RFC 3339 text in UTC, lists and documents JSON text. PostgreSQL's twin of this file
-- declares the same tables with its native types and adds row-level security.

CREATE TABLE organizations (
    id          BLOB NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    created_at  TEXT NOT NULL
);

CREATE TABLE users (
    id          BLOB NOT NULL PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    created_at  TEXT NOT NULL
);

CREATE TABLE members (
    organization_id  BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id          BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role             TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at       TEXT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sites (
    id               BLOB NOT NULL PRIMARY KEY,
    organization_id  BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
);
CREATE INDEX sites_organization ON sites (organization_id);

-- A module keeps its id over its versions. What it serves is `current_version_id`; publishing and rolling back are one
-- update of that column, unpublishing sets it to null.
CREATE TABLE site_modules (
    id                  BLOB NOT NULL PRIMARY KEY,
    site_id             BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    name                TEXT NOT NULL,
    current_version_id  BLOB REFERENCES module_versions (id) ON DELETE SET NULL,
    created_at          TEXT NOT NULL,
    updated_at          TEXT NOT NULL,
    UNIQUE (site_id, name)
);
CREATE INDEX site_modules_current_version ON site_modules (current_version_id);

CREATE TABLE module_versions (
    id            BLOB NOT NULL PRIMARY KEY,
    site_id       BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id     BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    version       TEXT NOT NULL,
    entry         TEXT NOT NULL,
    manifest      TEXT NOT NULL,
    published_at  TEXT NOT NULL,
    UNIQUE (module_id, version)
);

-- What a version consists of. The bytes lie in the storage under their SHA-256, so that versions share what they have
-- in common.
CREATE TABLE module_files (
    site_id       BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    version_id    BLOB NOT NULL REFERENCES module_versions (id) ON DELETE CASCADE,
    path          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    size          INTEGER NOT NULL,
    content_type  TEXT NOT NULL,
    PRIMARY KEY (version_id, path)
);
CREATE INDEX module_files_sha256 ON module_files (sha256);

CREATE TABLE module_allowed_domains (
    id                   BLOB NOT NULL PRIMARY KEY,
    site_id              BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id            BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    domain               TEXT NOT NULL,
    verified             BOOLEAN NOT NULL DEFAULT FALSE,
    verification_token   TEXT NOT NULL,
    verified_at          TEXT,
    allow_embed          BOOLEAN NOT NULL DEFAULT TRUE,
    allow_api            BOOLEAN NOT NULL DEFAULT TRUE,
    embed_types          TEXT NOT NULL DEFAULT '[]',
    rate_limit           INTEGER NOT NULL DEFAULT 1000,
    verification_method  TEXT CHECK (verification_method IN ('dns', 'meta', 'loopback')),
    last_proved_at       TEXT,
    last_checked_at      TEXT,
    last_error           TEXT,
    missing_since        TEXT,
    missing_days         INTEGER NOT NULL DEFAULT 0,
    next_check_at        TEXT,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    UNIQUE (site_id, module_id, domain)
);
CREATE INDEX module_allowed_domains_next_check ON module_allowed_domains (next_check_at);
CREATE INDEX module_allowed_domains_module ON module_allowed_domains (module_id);

-- The outbox: an event is written in the transaction of the change that it tells of. It outlives its module.
CREATE TABLE events (
    id          BLOB NOT NULL PRIMARY KEY,
    site_id     BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   BLOB,
    type        TEXT NOT NULL,
    data        TEXT NOT NULL,
    created_at  TEXT NOT NULL
);
CREATE INDEX events_site ON events (site_id, created_at);

-- One row; every change that a running server must notice counts it up.
CREATE TABLE revision (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    value  INTEGER NOT NULL
);

-- Who runs a background job, until when, and how its last run went.
CREATE TABLE job_leases (
    name         TEXT NOT NULL PRIMARY KEY,
    owner        BLOB NOT NULL,
    expires_at   TEXT NOT NULL,
    finished_at  TEXT,
    error        TEXT
);

INSERT INTO organizations (id, name, created_at)
VALUES (X'00000000000070008000000000000001', 'Default', '2026-01-01T00:00:00+00:00');
INSERT INTO revision (id, value) VALUES (1, 1);
