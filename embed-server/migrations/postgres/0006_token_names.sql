-- SQLite's twin of this file declares the same columns; a column is added to both, under the same number.

-- What a person calls a personal token, so that he knows which program stops when he revokes it.
ALTER TABLE user_tokens ADD COLUMN name TEXT NOT NULL DEFAULT 'unnamed';
