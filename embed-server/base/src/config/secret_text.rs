/// A secret, or a URL that may hold a password. It cannot be printed by accident.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
