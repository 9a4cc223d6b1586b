use super::given::Given;
use super::secret_text::SecretText;
use super::setting::{Flag, Section, section};
use super::values;

section! {
    struct SignInRows() titled "Sign-in";

    github_client_id: Option<String> = {
        variable: "EMBED_GITHUB_CLIENT_ID",
        flag: Flag::Value("ID"),
        meaning: "the OAuth app with which people sign in by GitHub; its callback URL ends in /console/sign-in/github/callback",
        unset: "none",
        expected: "the client id of an OAuth app",
        parse: |text| Some(text.to_owned()),
    }
    github_client_secret: Option<SecretText> = {
        variable: "EMBED_GITHUB_CLIENT_SECRET",
        flag: Flag::Secret,
        meaning: "the secret of that app",
        unset: "none",
        expected: "the client secret of an OAuth app",
        parse: |text| Some(SecretText::new(text)),
    }
    github_url: String = {
        variable: "EMBED_GITHUB_URL",
        flag: Flag::Value("URL"),
        meaning: "where GitHub is, for GitHub Enterprise",
        default: "https://github.com",
        expected: "a URL without a path, for example https://github.example.com",
        parse: values::origin,
    }
    github_api_url: String = {
        variable: "EMBED_GITHUB_API_URL",
        flag: Flag::Value("URL"),
        meaning: "where its API is",
        default: "https://api.github.com",
        expected: "a URL, for example https://api.github.com",
        parse: values::base_url,
    }
}

/// How people sign in, beside codes by mail.
#[derive(Clone)]
pub struct SignInSettings {
    /// The OAuth app of GitHub, where one is set.
    pub github: Option<GitHubApp>,
}

/// An OAuth app of GitHub.
#[derive(Clone)]
pub struct GitHubApp {
    /// Names the app.
    pub client_id: String,
    /// Proves that it is this app.
    pub client_secret: SecretText,
    /// Where people sign in, an origin.
    pub url: String,
    /// Where it says which addresses are theirs, without a trailing slash.
    pub api_url: String,
}

impl SignInSettings {
    /// The rows of this section.
    pub const SECTION: Section = SignInRows::SECTION;

    /// The two halves of the app come together, or not at all.
    pub(super) fn read(given: &mut Given) -> Self {
        let rows = SignInRows::read(given);
        let github = match (rows.github_client_id, rows.github_client_secret) {
            (None, None) => None,
            (Some(client_id), Some(client_secret)) => Some(GitHubApp {
                client_id,
                client_secret,
                url: rows.github_url,
                api_url: rows.github_api_url,
            }),
            _ => {
                let sentence = "EMBED_GITHUB_CLIENT_ID and EMBED_GITHUB_CLIENT_SECRET belong together; set both, or neither (see “Sign-in” in the README's table of settings).";
                given.refuse(&Self::SECTION, sentence.to_owned());
                None
            }
        };
        Self { github }
    }
}
