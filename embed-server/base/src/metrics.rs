//! The metrics of the server: `GET /metrics` in the text format of OpenMetrics.

use axum::extract::MatchedPath;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The labels of a request, each with a small number of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: RouteName,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: RouteName,
}

/// The route's pattern, shared with the router so that counting a request copies no text; empty where no route
/// matched.
#[derive(Clone, Debug)]
struct RouteName(Option<MatchedPath>);

impl RouteName {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", MatchedPath::as_str)
    }
}

impl PartialEq for RouteName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RouteName {}

impl Hash for RouteName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for RouteName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// The labels of a rate limit's decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Decision {
    /// What the limit counts by, such as `token` or `address`.
    pub limit: &'static str,
    /// `allowed` or `refused`.
    pub decision: &'static str,
}

/// The labels of a cache lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLookup {
    cache: &'static str,
    result: &'static str,
}

/// The labels of a background job's run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Run {
    job: &'static str,
    outcome: &'static str,
}

/// The label of the queue's depth: `waiting` or `processing`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobState {
    state: &'static str,
}

/// Counts the hits and misses of one cache.
#[derive(Clone)]
pub struct CacheMetrics {
    hits: Counter,
    misses: Counter,
}

impl CacheMetrics {
    pub fn count(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.inc();
    }
}

/// The labels of a view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct View {
    outcome: &'static str,
}

/// The labels of a connection that was closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosedConnection {
    reason: &'static str,
}

/// Counts how often modules are shown and refused.
#[derive(Clone)]
pub struct ViewMetrics {
    shown: Counter,
    blocked: Counter,
}

impl ViewMetrics {
    pub fn count(&self, shown: bool) {
        if shown { &self.shown } else { &self.blocked }.inc();
    }
}

/// Every metric. Cheap to clone; clones share the counters.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    pub limits: Family<Decision, Counter>,
    lookups: Family<CacheLookup, Counter>,
    views: Family<View, Counter>,
    runs: Family<Run, Counter>,
    last_run: Family<Run, Gauge>,
    /// Due jobs that this server leaves to a newer one, because it does not know their kind or cannot read their payload.
    pub jobs_unreadable: Gauge,
    depth: Family<JobState, Gauge>,
    /// By how many seconds this server's clock is ahead of the database's, as last compared.
    pub clock_ahead: Gauge<f64, AtomicU64>,
    /// 1 while limits are counted by this process alone although `REDIS_URL` is set.
    pub limits_alone: Gauge,
    /// Lines of the request log that were dropped because the queue was full.
    pub log_dropped: Counter,
    connections_closed: Family<ClosedConnection, Counter>,
    pub pool_open: Gauge,
    /// Open connections that are idle.
    pub pool_idle: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("embed");
        let mut register = Register(&mut registry);
        Self {
            requests: register.add("http_requests", "Answers by route and status", Family::default()),
            seconds: register.add(
                "http_request_seconds",
                "Time to answer by route",
                Family::new_with_constructor(latencies),
            ),
            limits: register.add("rate_limit_decisions", "Decisions of rate limits", Family::default()),
            lookups: register.add("cache_looks", "Looks into caches", Family::default()),
            views: register.add("views", "Modules shown on pages and refused there", Family::default()),
            runs: register.add("job_runs", "Runs of background jobs", Family::default()),
            last_run: register.add(
                "job_last_run_timestamp_seconds",
                "When a job last ran, by how it went",
                Family::default(),
            ),
            jobs_unreadable: register.add(
                "jobs_unreadable",
                "Due jobs that this server leaves to a newer one",
                Gauge::default(),
            ),
            depth: register.add("jobs", "Jobs that have not ended", Family::default()),
            clock_ahead: register.add(
                "clock_ahead_seconds",
                "By how much this server's clock is ahead of the database's; beyond 60 either way it claims no work",
                Gauge::default(),
            ),
            limits_alone: register.add(
                "rate_limit_alone",
                "1 while Redis does not answer and limits are counted by this process alone",
                Gauge::default(),
            ),
            log_dropped: register.add(
                "request_log_dropped",
                "Lines of the request log that were dropped because its queue was full",
                Counter::default(),
            ),
            connections_closed: register.add(
                "connections_closed",
                "Connections that were closed because there were too many",
                Family::default(),
            ),
            pool_open: register.add("database_connections", "Open connections", Gauge::default()),
            pool_idle: register.add("database_connections_idle", "Idle connections", Gauge::default()),
            registry: Arc::new(registry),
        }
    }
}

/// Registers a metric and hands it back.
struct Register<'a>(&'a mut Registry);

impl Register<'_> {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Metrics {
    /// Counts a response.
    pub fn request(&self, route: Option<MatchedPath>, status: u16, took: Duration) {
        let route = RouteName(route);
        self.requests.get_or_create(&Request { route: route.clone(), status }).inc();
        self.seconds.get_or_create(&Route { route }).observe(took.as_secs_f64());
    }

    /// The counters of a cache.
    pub fn cache(&self, cache: &'static str) -> CacheMetrics {
        let counter = |result| self.lookups.get_or_create_owned(&CacheLookup { cache, result });
        CacheMetrics { hits: counter("hit"), misses: counter("miss") }
    }

    /// The counters of views.
    pub fn views(&self) -> ViewMetrics {
        let counter = |outcome| self.views.get_or_create_owned(&View { outcome });
        ViewMetrics { shown: counter("shown"), blocked: counter("blocked") }
    }

    /// Counts the run of a periodic task or the attempt of a job that ended at `at`, in seconds since 1970.
    pub fn run(&self, job: &'static str, outcome: &'static str, at: i64) {
        let run = Run { job, outcome };
        self.runs.get_or_create(&run).inc();
        self.last_run.get_or_create(&run).set(at);
    }

    /// Counts a connection that was closed because its network had too many (`address`), because there were too many in
    /// all (`full`), or to make room for another network (`replaced`).
    pub fn connection_closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&ClosedConnection { reason }).inc();
    }

    /// Sets the depth of the queue.
    pub fn jobs(&self, waiting: i64, processing: i64) {
        for (state, count) in [("waiting", waiting), ("processing", processing)] {
            self.depth.get_or_create(&JobState { state }).set(count);
        }
    }

    /// Every metric, as `GET /metrics` returns it.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// From a tenth of a millisecond to about three seconds.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}
