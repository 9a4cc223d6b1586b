-- PostgreSQL's twin of this file declares the same tables with its native types and adds row-level security.

-- When somebody first signed in; null while an invitation has not been answered.
ALTER TABLE users ADD COLUMN signed_in_at TEXT;

-- Who is signed in to the console, in which browser. Only the hash of what the cookie holds is kept.
CREATE TABLE sessions (
    id            BLOB NOT NULL PRIMARY KEY,
    user_id       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash   TEXT NOT NULL UNIQUE,
    means         TEXT NOT NULL CHECK (means IN ('code', 'github', 'link')),
    ip_address    TEXT NOT NULL,
    user_agent    TEXT,
    created_at    TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    expires_at    TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Codes that were asked for, whether or not anybody has the address: who asks must not learn that.
CREATE TABLE sign_in_codes (
    id          BLOB NOT NULL PRIMARY KEY,
    email       TEXT NOT NULL,
    code_hash   TEXT NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    used_at     TEXT,
    created_at  TEXT NOT NULL,
    expires_at  TEXT NOT NULL
);
CREATE INDEX sign_in_codes_expires ON sign_in_codes (expires_at);

-- Links that sign in whoever follows them: once, or, in the demo, as often as they are followed. One without a person
-- makes the first owner.
CREATE TABLE sign_in_links (
    id           BLOB NOT NULL PRIMARY KEY,
    user_id      BLOB REFERENCES users (id) ON DELETE CASCADE,
    secret_hash  TEXT NOT NULL UNIQUE,
    once         BOOLEAN NOT NULL,
    used_at      TEXT,
    created_at   TEXT NOT NULL,
    expires_at   TEXT NOT NULL
);

-- Who changed what, when and from where. It refers to nothing but the organization, because it outlives what it tells of.
CREATE TABLE activity (
    id               BLOB NOT NULL PRIMARY KEY,
    organization_id  BLOB NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    site_id          BLOB,
    module_id        BLOB,
    user_id          BLOB,
    actor            TEXT NOT NULL,
    means            TEXT NOT NULL,
    ip_address       TEXT,
    action           TEXT NOT NULL,
    subject          TEXT NOT NULL,
    detail           TEXT,
    created_at       TEXT NOT NULL
);
CREATE INDEX activity_organization ON activity (organization_id, id);
CREATE INDEX activity_site ON activity (site_id, id);
CREATE INDEX activity_created ON activity (created_at);
