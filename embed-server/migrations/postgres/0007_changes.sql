-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- What running servers must read anew, by topic and key. Rows are kept for an hour, the newest always, so that the
-- numbers go on. A lock around the commits that write here makes `seq` visible in order, which a sequence alone does not.
CREATE TABLE changes (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    topic    TEXT NOT NULL,
    site_id  UUID,
    key      TEXT NOT NULL,
    at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX changes_at ON changes (at);

ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE changes FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON changes USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON changes USING (current_setting('app.global', true) = 'on');
-- What belongs to no site is announced by an organization's transaction, which reads nothing here.
CREATE POLICY one_organization ON changes FOR INSERT
    WITH CHECK (site_id IS NULL AND NULLIF(current_setting('app.organization_id', true), '') IS NOT NULL);

CREATE POLICY one_organization ON activity
    USING (organization_id = NULLIF(current_setting('app.organization_id', true), '')::uuid);
