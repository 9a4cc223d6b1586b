-- PostgreSQL's twin of this file declares the same tables; a column is added to both, under the same number.

-- How many calls without a valid credential were refused and are no line of the log, for each hour by its beginning.
CREATE TABLE module_refusals (
    site_id    BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id  BLOB NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    hour       TEXT NOT NULL,
    refused    INTEGER NOT NULL,
    PRIMARY KEY (module_id, hour)
);
CREATE INDEX module_refusals_site ON module_refusals (site_id, hour);
CREATE INDEX module_refusals_hour ON module_refusals (hour);

-- What an event tells of: a record, by which its content is found when it is deleted. What is told goes before the event:
-- `data` may be empty, for which SQLite needs a new table.
ALTER TABLE events RENAME TO events_before;
CREATE TABLE events (
    id          BLOB NOT NULL PRIMARY KEY,
    site_id     BLOB NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id   BLOB,
    type        TEXT NOT NULL,
    data        TEXT,
    created_at  TEXT NOT NULL,
    subject_id  BLOB
);
INSERT INTO events (id, site_id, module_id, type, data, created_at, subject_id)
SELECT id, site_id, module_id, type, data, created_at,
    CASE WHEN type LIKE 'record.%' THEN unhex(replace(json_extract(data, '$.record.id'), '-', '')) END FROM events_before;
DROP TABLE events_before;
CREATE INDEX events_site ON events (site_id, created_at);
CREATE INDEX events_created ON events (created_at);
CREATE INDEX events_subject ON events (subject_id);
CREATE INDEX events_told ON events (type, created_at) WHERE data IS NOT NULL;
