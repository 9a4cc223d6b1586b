-- PostgreSQL's twin of this file declares the same tables; a column is added to both, under the same number.

-- How often a module was shown on the pages of an origin and how often it was refused there, for each hour by its
-- beginning. The origin is empty where an hour had too many of them, the type where none was named.
CREATE TABLE module_views (
    site_id     BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    hour        TEXT NOT NULL,
    origin      TEXT NOT NULL,
    embed_type  TEXT NOT NULL,
    shown       INTEGER NOT NULL,
    blocked     INTEGER NOT NULL,
    last_code   TEXT,
    last_at     TEXT NOT NULL,
    PRIMARY KEY (module_id, hour, origin, embed_type)
);
CREATE INDEX module_views_site ON module_views (site_id, hour);
CREATE INDEX module_views_hour ON module_views (hour);
