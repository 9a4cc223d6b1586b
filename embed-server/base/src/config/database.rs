use super::secret_text::SecretText;
use super::setting::{Flag, section};
use std::path::{Path, PathBuf};

section! {
    /// Where everything but the modules' files is kept.
    pub struct DatabaseSettings() titled "Database";

    database_url: DatabaseUrl = {
        variable: "DATABASE_URL",
        flag: Flag::Value("URL"),
        meaning: "the database",
        default: "sqlite://embed.db",
        expected: "sqlite://FILE or postgres://user:password@host/database",
        parse: DatabaseUrl::parse,
    }
}

/// The value of `DATABASE_URL`.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// The URL of a server, with its password.
    Postgres(SecretText),
}

impl DatabaseUrl {
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Some(Self::Postgres(SecretText::new(text)));
        }
        let path = text.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // A database in memory would be a different one for each connection.
        (!path.is_empty() && !path.contains(":memory:")).then(|| Self::Sqlite(path.into()))
    }

    /// The folder that belongs to the database: where a SQLite file is, else the working folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path.parent().unwrap_or(Path::new("")),
            Self::Postgres(_) => Path::new(""),
        }
    }
}
