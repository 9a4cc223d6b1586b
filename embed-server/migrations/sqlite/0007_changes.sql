-- PostgreSQL's twin of this file declares the same tables; a column is added to both, under the same number.

-- What running servers must read anew, by topic and key. Rows are kept for an hour, the newest always, so that the
-- numbers go on.
CREATE TABLE changes (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    topic    TEXT NOT NULL,
    site_id  BLOB,
    key      TEXT NOT NULL,
    at       TEXT NOT NULL
);
CREATE INDEX changes_at ON changes (at);
