-- PostgreSQL's twin of this file declares the same columns; a column is added to both, under the same number.

-- Websites that may frame the domain's pages with the module in them: origins, as a list in JSON.
ALTER TABLE module_allowed_domains ADD COLUMN ancestors TEXT NOT NULL DEFAULT '[]';
