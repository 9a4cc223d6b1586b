-- PostgreSQL's twin of this file declares the same columns; a column is added to both, under the same number.

-- When a token was given a successor. It goes on until `expires_at`, which was brought forward then, so that nobody takes
-- what is left of its time for the time that it was made for.
ALTER TABLE module_external_tokens ADD COLUMN replaced_at TEXT;
