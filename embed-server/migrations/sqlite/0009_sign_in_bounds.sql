-- PostgreSQL's twin of this file declares the same tables; a column is added to both, under the same number.

-- What the browser that asked for the code keeps in a cookie, hashed, and the network that it asked from. A server of the
-- release before leaves both empty; such a code signs nobody in here.
ALTER TABLE sign_in_codes ADD COLUMN browser_hash TEXT;
ALTER TABLE sign_in_codes ADD COLUMN network TEXT;
CREATE INDEX sign_in_codes_email ON sign_in_codes (email, created_at);

-- How many codes were asked for and how many wrong ones typed for a mailbox, within a day from `since`, whether or not
-- anybody has it: who asks must not learn that.
CREATE TABLE sign_in_mailboxes (
    email    TEXT NOT NULL PRIMARY KEY,
    since    TEXT NOT NULL,
    codes    INTEGER NOT NULL,
    guesses  INTEGER NOT NULL
);
CREATE INDEX sign_in_mailboxes_since ON sign_in_mailboxes (since);
