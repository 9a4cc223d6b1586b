-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- How often a module was shown on the pages of an origin and how often it was refused there, for each hour by its
-- beginning. The origin is empty where an hour had too many of them, the type where none was named.
CREATE TABLE module_views (
    site_id     UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    hour        TIMESTAMPTZ NOT NULL,
    origin      TEXT NOT NULL,
    embed_type  TEXT NOT NULL,
    shown       BIGINT NOT NULL,
    blocked     BIGINT NOT NULL,
    last_code   TEXT,
    last_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (module_id, hour, origin, embed_type)
);
CREATE INDEX module_views_site ON module_views (site_id, hour);
CREATE INDEX module_views_hour ON module_views (hour);

ALTER TABLE module_views ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_views FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_views USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_views USING (current_setting('app.global', true) = 'on');
