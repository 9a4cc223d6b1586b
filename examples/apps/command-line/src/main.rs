//! Signs a person in with their browser and lists a module's records in their name.
//!
//! It is a public client, since a program on people's machines can keep no secret. It listens on a free port of loopback for
//! the answer (RFC 8252), proves with PKCE (RFC 7636) that it is the one who asked, and keeps the refresh token, so that the
//! next run asks nobody.

use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::http::StatusCode;
use oauth2::url::Url;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeChallenge, RedirectUrl, RefreshToken, RequestTokenError, Scope, TokenResponse,
    TokenUrl, ureq,
};
use std::collections::HashMap;
use std::error::Error;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, client_id, module, collection] = arguments.as_slice() else {
        return Err("usage: list-records SERVER CLIENT_ID MODULE_ID COLLECTION".into());
    };
    // Secrets are sent to this server, and to nobody whom it names.
    let http = ureq::AgentBuilder::new().redirects(0).build();
    let client = BasicClient::new(ClientId::new(client_id.clone()))
        .set_auth_uri(AuthUrl::new(format!("{server}/oauth/authorize"))?)
        .set_token_uri(TokenUrl::new(format!("{server}/oauth/token"))?)
        .set_auth_type(AuthType::RequestBody);

    let file = refresh_token_file(client_id)?;
    let refreshed = match read(&file)? {
        Some(token) => refresh(&client, &http, token)?,
        None => None,
    };
    let tokens = match refreshed {
        Some(tokens) => tokens,
        None => sign_in(&client, &http, server, collection)?,
    };
    // Each refresh token is used once, so the new one is kept before anything else can fail.
    if let Some(token) = tokens.refresh_token() {
        write(&file, token)?;
    }

    let url = format!("{server}/api/v1/modules/{module}/records/{collection}?sort=-createdAt&limit=20");
    let bearer = format!("Bearer {}", tokens.access_token().secret());
    let page = http.get(&url).set("Authorization", &bearer).call()?.into_string()?;
    let page: serde_json::Value = serde_json::from_str(&page)?;
    for record in page["data"].as_array().into_iter().flatten() {
        println!("{} {}", record["createdAt"].as_str().unwrap_or_default(), record["data"]);
    }
    Ok(())
}

/// Tokens for a refresh token; `None` where the server takes it no more, because it has expired or the access was ended.
fn refresh(client: &Client, http: &ureq::Agent, token: RefreshToken) -> Result<Option<BasicTokenResponse>> {
    match client.exchange_refresh_token(&token).request(&|request| send(http, request)) {
        Ok(tokens) => Ok(Some(tokens)),
        Err(RequestTokenError::ServerResponse(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The library's own use of ureq takes an error of the server, whose body says what is wrong, for one of the connection.
fn send(http: &ureq::Agent, request: HttpRequest) -> std::result::Result<HttpResponse, Box<ureq::Error>> {
    let mut post = http.post(&request.uri().to_string());
    for (name, value) in request.headers() {
        post = post.set(name.as_str(), value.to_str().unwrap_or_default());
    }
    let response = match post.send_bytes(request.body()) {
        Ok(response) | Err(ureq::Error::Status(_, response)) => response,
        Err(error) => return Err(error.into()),
    };
    let mut answer = HttpResponse::default();
    *answer.status_mut() = response.status().try_into().unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(Ok(kind)) = response.header("content-type").map(str::parse) {
        answer.headers_mut().insert("content-type", kind);
    }
    *answer.body_mut() = response.into_string().map_err(|error| Box::new(error.into()))?.into_bytes();
    Ok(answer)
}

/// Sends the person to the server with their browser, and waits until they come back.
fn sign_in(
    client: &Client,
    http: &ureq::Agent,
    server: &str,
    collection: &str,
) -> Result<BasicTokenResponse> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    // Registered without a port: on loopback any port is accepted.
    let callback = format!("http://127.0.0.1:{}/callback", listener.local_addr()?.port());
    let client = client.clone().set_redirect_uri(RedirectUrl::new(callback)?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (link, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new(format!("read:{collection}")))
        .set_pkce_challenge(challenge)
        .url();
    eprintln!("Open this link to sign in:\n\n  {link}\n");

    let code = loop {
        let (stream, _) = listener.accept()?;
        // Browsers also ask for an icon, and other programs of this machine may call.
        let Some(answer) = answer_in(&stream) else {
            respond(stream, "404 Not Found", "There is nothing here.")?;
            continue;
        };
        match code(&answer, state.secret(), server) {
            Ok(code) => {
                respond(stream, "200 OK", "You are signed in, and may close this window.")?;
                break code;
            }
            Err(why) => {
                respond(stream, "400 Bad Request", &why)?;
                return Err(why.into());
            }
        }
    };
    Ok(client.exchange_code(code).set_pkce_verifier(verifier).request(&|request| send(http, request))?)
}

/// The parameters that a browser brings to the callback.
fn answer_in(stream: &TcpStream) -> Option<HashMap<String, String>> {
    // The whole head is read, since a connection that is closed with something unread is reset.
    let head: Vec<String> = BufReader::new(stream)
        .lines()
        .map_while(std::io::Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let target = head.first()?.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    (url.path() == "/callback").then(|| url.query_pairs().into_owned().collect())
}

/// The code of an answer to this very request, from this very server (RFC 9207).
fn code(
    answer: &HashMap<String, String>,
    state: &str,
    server: &str,
) -> std::result::Result<AuthorizationCode, String> {
    let given = |name: &str| answer.get(name).map(String::as_str);
    if given("state") != Some(state) {
        return Err("This answer belongs to another request.".to_owned());
    }
    if given("iss") != Some(server) {
        return Err("This answer is another server's.".to_owned());
    }
    match given("code") {
        Some(code) => Ok(AuthorizationCode::new(code.to_owned())),
        None => Err(given("error_description").unwrap_or("The server sent no code.").to_owned()),
    }
}

fn respond(mut stream: TcpStream, status: &str, text: &str) -> Result<()> {
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )?;
    Ok(())
}

/// Where the refresh token is kept; a keychain would be a better place.
fn refresh_token_file(client_id: &str) -> Result<PathBuf> {
    let home = std::env::home_dir().ok_or("There is no home folder to keep the refresh token in.")?;
    Ok(home.join(format!(".list-records-{client_id}")))
}

fn read(file: &Path) -> Result<Option<RefreshToken>> {
    match std::fs::read_to_string(file) {
        Ok(token) => Ok(Some(RefreshToken::new(token))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes the refresh token to a file that only its owner can read.
fn write(file: &Path, token: &RefreshToken) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(token.secret().as_bytes())?;
    Ok(())
}
