use super::setting::{Flag, section};
use super::values;
use std::path::PathBuf;

section! {
    /// Where pages get the SDK from.
    pub struct BundleSettings() titled "Bundle";

    cdn_url: Option<String> = {
        variable: "CDN_URL",
        flag: Flag::Value("URL"),
        meaning: "where pages load the bundle from, after `cdn publish`",
        unset: "this server",
        expected: "a URL, for example https://cdn.example.com",
        parse: values::base_url,
    }
    bundle_dir: Option<PathBuf> = {
        variable: "EMBED_BUNDLE_DIR",
        flag: Flag::Value("DIR"),
        meaning: "a bundle to serve in place of the one inside this program, as `cdn build` makes it",
        unset: "none",
        expected: "the path of a folder",
        parse: |text| Some(text.into()),
    }
}
