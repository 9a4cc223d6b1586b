//! An app on one of the libraries.

use super::on_oauth2::OAuth2App;
use super::program::Program;
use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Copy)]
pub enum Library {
    /// From npm.
    OAuth4WebApi,
    /// From PyPI.
    Authlib,
    /// From crates.io.
    OAuth2,
}

/// How the app shows its secret, in the words of RFC 8414.
#[derive(Clone, Copy, PartialEq, Serialize)]
pub enum Authentication {
    #[serde(rename = "client_secret_basic")]
    Basic,
    #[serde(rename = "client_secret_post")]
    Post,
    /// It has none.
    #[serde(rename = "none")]
    None,
}

/// What the app knows of itself and of the server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    pub issuer: String,
    /// The API of the module.
    pub resource: String,
    pub client_id: String,
    pub secret: Option<String>,
    pub authentication: Authentication,
    pub redirect_uri: String,
}

/// An app. Its calls are those of `tests/oauth/client.mjs`: they take and answer JSON, and an answer has `refused` where the
/// library or the server refuses something.
pub enum App {
    Program(Box<Program>),
    OAuth2(Box<OAuth2App>),
}

impl App {
    pub async fn start(library: Library, registration: Registration) -> Result<Self> {
        Ok(match library {
            Library::OAuth4WebApi => Self::Program(Box::new(Program::javascript(&registration).await?)),
            Library::Authlib => Self::Program(Box::new(Program::python(&registration).await?)),
            Library::OAuth2 => Self::OAuth2(Box::new(OAuth2App::new(registration)?)),
        })
    }

    pub async fn call(&mut self, call: &str, given: Value) -> Result<Value> {
        match self {
            Self::Program(program) => program.call(call, given).await,
            Self::OAuth2(app) => app.call(call, &given).await,
        }
    }

    pub async fn succeeds(&mut self, call: &str, given: Value) -> Result<Value> {
        let answer = self.call(call, given).await?;
        ensure!(answer.get("refused").is_none(), "{call} was refused: {answer}");
        Ok(answer)
    }

    /// With `error` where the server's words are expected.
    pub async fn is_refused(&mut self, call: &str, given: Value, error: Option<&str>) -> Result<()> {
        let answer = self.call(call, given).await?;
        let refused = answer["refused"].as_str();
        ensure!(refused.is_some_and(|why| error.is_none_or(|error| why == error)), "{call}: {answer}");
        Ok(())
    }
}
