//! DNS lookups of addresses and TXT records.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{op::ResponseCode, rr::RData},
    system_conf::read_system_conf,
};

/// The timeout of a lookup over all attempts; each attempt has a third of it.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(9);

/// Queries DNS without a cache, so that a new record is found at once. A response has at most 64 KiB, as in the
/// protocol.
#[derive(Clone, Debug)]
pub struct Resolver(TokioResolver);

/// Why a lookup has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// DNS says that there is no such record.
    #[error("DNS has no such record")]
    Absent,
    /// The lookup failed, so there may be a record.
    #[error("DNS could not be asked: {0}")]
    Unanswered(String),
}

impl LookupError {
    /// The error without what it tells of the name servers that were asked, which may be inside.
    pub fn public(&self) -> &'static str {
        match self {
            Self::Absent => "DNS has no such record",
            Self::Unanswered(_) => "DNS does not answer",
        }
    }
}

impl Resolver {
    /// Queries the name servers of this machine's settings. Without any, every lookup fails and says so.
    pub fn system() -> Result<Self, LookupError> {
        let servers = match read_system_conf() {
            Ok((config, _)) => config.name_servers().to_vec(),
            Err(error) => {
                tracing::warn!(%error, "the system's DNS settings cannot be read; set EMBED_DNS_SERVER");
                Vec::new()
            }
        };
        Self::new(servers)
    }

    /// Queries a single name server.
    pub fn at(server: SocketAddr) -> Result<Self, LookupError> {
        let on_port = |mut connection: ConnectionConfig| {
            connection.port = server.port();
            connection
        };
        let connections = vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
        Self::new(vec![NameServerConfig::new(server.ip(), true, connections)])
    }

    fn new(servers: Vec<NameServerConfig>) -> Result<Self, LookupError> {
        let config = ResolverConfig::from_name_servers(servers);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = LOOKUP_TIMEOUT / 3;
        options.attempts = 2;
        options.cache_size = 0;
        builder.build().map(Self).map_err(|error| unanswered(&error))
    }

    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let answer = in_time(self.0.lookup_ip(absolute(host))).await?;
        Ok(answer.iter().collect())
    }

    /// The TXT records of a name, with the strings of each joined (RFC 7208, section 3.3).
    pub async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        let answer = in_time(self.0.txt_lookup(absolute(name))).await?;
        let texts = answer.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        });
        Ok(texts.collect())
    }
}

/// The name with a final dot, so that the machine's search list does not apply.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

async fn in_time<T>(lookup: impl Future<Output = Result<T, NetError>>) -> Result<T, LookupError> {
    match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(NetError::Dns(DnsError::NoRecordsFound(none))))
            if matches!(none.response_code, ResponseCode::NXDomain | ResponseCode::NoError) =>
        {
            Err(LookupError::Absent)
        }
        Ok(Err(error)) => Err(unanswered(&error)),
        Err(_) => Err(LookupError::Unanswered(format!("no answer within {} s", LOOKUP_TIMEOUT.as_secs()))),
    }
}

fn unanswered(error: &NetError) -> LookupError {
    LookupError::Unanswered(error.to_string())
}
