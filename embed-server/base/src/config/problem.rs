use crate::error::Error;

/// What is wrong with one setting.
#[derive(Debug)]
pub struct Problem {
    /// The section of the setting, or of the one that was probably meant.
    pub section: Option<&'static str>,
    /// Names the setting, and what was expected.
    pub sentence: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub struct Problems(pub(super) Vec<Problem>);

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        let sentences: Vec<_> = problems.into_iter().map(|problem| problem.sentence).collect();
        Self::invalid(sentences.join(" "))
    }
}
