-- SQLite's twin of this file declares the same columns; a column is added to both, under the same number.

-- When a token was given a successor. It goes on until `expires_at`, which was brought forward then, so that nobody takes
-- what is left of its time for the time that it was made for.
ALTER TABLE module_external_tokens ADD COLUMN replaced_at TIMESTAMPTZ;

-- A partition is a table of its own, and whoever names it comes past the policies of the table that it belongs to. Without
-- a policy of its own it lets nobody in.
ALTER TABLE module_external_requests_rest ENABLE ROW LEVEL SECURITY;
ALTER TABLE module_external_requests_rest FORCE ROW LEVEL SECURITY;
