-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- Work that survives a crash. A worker claims a row for as long as its lease lasts; the fence counts the claims, so that
-- one whose lease has ended cannot finish what another has begun. The same work is queued once: `key` names all that makes
-- two jobs of a kind different, and `tenant_id` is the organization, or nil for the installation. There are no foreign keys,
-- because some work begins when what it is about has been deleted.
CREATE TABLE jobs (
    id               UUID NOT NULL PRIMARY KEY,
    tenant_id        UUID NOT NULL,
    organization_id  UUID,
    site_id          UUID,
    kind             TEXT COLLATE "C" NOT NULL,
    key              TEXT COLLATE "C" NOT NULL,
    once             BOOLEAN NOT NULL,
    payload          JSONB NOT NULL,
    status           TEXT NOT NULL
                     CHECK (status IN ('pending', 'processing', 'failed', 'completed', 'dead', 'cancelled')),
    attempts         BIGINT NOT NULL DEFAULT 0,
    max_attempts     BIGINT NOT NULL,
    due_at           TIMESTAMPTZ NOT NULL,
    lease_owner      UUID,
    lease_until      TIMESTAMPTZ,
    fence            BIGINT NOT NULL DEFAULT 0,
    again            BOOLEAN NOT NULL DEFAULT FALSE,
    progress_done    BIGINT NOT NULL DEFAULT 0,
    progress_total   BIGINT,
    error_message    TEXT,
    cancelled_at     TIMESTAMPTZ,
    created_at       TIMESTAMPTZ NOT NULL,
    finished_at      TIMESTAMPTZ
);
CREATE UNIQUE INDEX jobs_key ON jobs (tenant_id, kind, key) WHERE finished_at IS NULL OR once;
CREATE INDEX jobs_due ON jobs (due_at) WHERE status IN ('pending', 'failed');
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE status = 'processing';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- A site's transaction sees the jobs of its organization, because what it changes may queue work for the organization.
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY one_organization ON jobs USING (
    organization_id = NULLIF(current_setting('app.organization_id', true), '')::uuid
    OR organization_id = (SELECT s.organization_id FROM sites s
                          WHERE s.id = NULLIF(current_setting('app.site_id', true), '')::uuid));
CREATE POLICY every_site ON jobs USING (current_setting('app.global', true) = 'on');
