-- PostgreSQL's twin of this file declares the same tables with its native types and adds row-level security.

-- Work that survives a crash. A worker claims a row for as long as its lease lasts; the fence counts the claims, so that
-- one whose lease has ended cannot finish what another has begun. The same work is queued once: `key` names all that makes
-- two jobs of a kind different, and `tenant_id` is the organization, or nil for the installation. There are no foreign keys,
-- because some work begins when what it is about has been deleted.
CREATE TABLE jobs (
    id               BLOB NOT NULL PRIMARY KEY,
    tenant_id        BLOB NOT NULL,
    organization_id  BLOB,
    site_id          BLOB,
    kind             TEXT NOT NULL,
    key              TEXT NOT NULL,
    once             BOOLEAN NOT NULL,
    payload          TEXT NOT NULL,
    status           TEXT NOT NULL
                     CHECK (status IN ('pending', 'processing', 'failed', 'completed', 'dead', 'cancelled')),
    attempts         INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL,
    due_at           TEXT NOT NULL,
    lease_owner      BLOB,
    lease_until      TEXT,
    fence            INTEGER NOT NULL DEFAULT 0,
    again            BOOLEAN NOT NULL DEFAULT FALSE,
    progress_done    INTEGER NOT NULL DEFAULT 0,
    progress_total   INTEGER,
    error_message    TEXT,
    cancelled_at     TEXT,
    created_at       TEXT NOT NULL,
    finished_at      TEXT
);
CREATE UNIQUE INDEX jobs_key ON jobs (tenant_id, kind, key) WHERE finished_at IS NULL OR once;
CREATE INDEX jobs_due ON jobs (due_at) WHERE status IN ('pending', 'failed');
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE status = 'processing';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
