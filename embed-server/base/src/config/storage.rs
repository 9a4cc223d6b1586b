use super::DatabaseSettings;
use super::setting::{Flag, section};
use std::path::PathBuf;
use url::Url;

section! {
    /// Where the modules' files are kept.
    pub struct StorageSettings(database: &DatabaseSettings) titled "Storage";

    storage_url: PathBuf = {
        variable: "EMBED_STORAGE_URL",
        flag: Flag::Value("URL"),
        meaning: "the folder of the modules' files, which all servers of an installation share",
        derived: "embed-files beside the SQLite file, else in the working folder" =>
            database.database_url.folder().join("embed-files"),
        expected: "file:/// and the path of a folder",
        parse: folder,
    }
}

fn folder(text: &str) -> Option<PathBuf> {
    Url::parse(text).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}
