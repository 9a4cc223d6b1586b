-- SQLite's twin of this file declares the same tables; a column is added to both, under the same number.

-- How many calls without a valid credential were refused and are no line of the log, for each hour by its beginning.
CREATE TABLE module_refusals (
    site_id    UUID NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    module_id  UUID NOT NULL REFERENCES site_modules (id) ON DELETE CASCADE,
    hour       TIMESTAMPTZ NOT NULL,
    refused    BIGINT NOT NULL,
    PRIMARY KEY (module_id, hour)
);
CREATE INDEX module_refusals_site ON module_refusals (site_id, hour);
CREATE INDEX module_refusals_hour ON module_refusals (hour);

ALTER TABLE module_refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY one_site ON module_refusals USING (site_id = NULLIF(current_setting('app.site_id', true), '')::uuid);
CREATE POLICY every_site ON module_refusals USING (current_setting('app.global', true) = 'on');

-- What an event tells of: a record, by which its content is found when it is deleted. What is told goes before the event.
ALTER TABLE events ADD COLUMN subject_id UUID;
ALTER TABLE events ALTER COLUMN data DROP NOT NULL;
UPDATE events SET subject_id = (data #>> '{record,id}')::uuid WHERE type LIKE 'record.%';
CREATE INDEX events_created ON events (created_at);
CREATE INDEX events_subject ON events (subject_id);
CREATE INDEX events_told ON events (type, created_at) WHERE data IS NOT NULL;
