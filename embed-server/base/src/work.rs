//! Work whose length depends on what a caller sent. It runs beside the threads that answer requests, and only as much of
//! it at once as there are processors, so that no request can hold up the others.

use crate::error::{Error, Result};
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How long work waits for other work.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// The threads for such work. Cheap to clone; clones share one limit.
#[derive(Clone, Debug)]
pub struct Work {
    permits: Arc<Semaphore>,
    wait_limit: Duration,
}

impl Default for Work {
    fn default() -> Self {
        Self::new(thread::available_parallelism().map_or(1, NonZero::get), WAIT_LIMIT)
    }
}

impl Work {
    fn new(at_once: usize, wait_limit: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), wait_limit }
    }

    /// Runs `work` on a thread of its own; 503 `unavailable` where there is none for too long. Work that has begun goes on,
    /// and is counted, when nobody waits for it any more.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = tokio::time::timeout(self.wait_limit, self.permits.clone().acquire_owned());
        let permit = permit.await.map_err(|elapsed| {
            Error::unavailable(
                "The server is busy with the work of other requests; try again shortly.",
                elapsed,
            )
        })?;
        let permit = permit.map_err(Error::internal)?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use std::sync::mpsc;

    #[tokio::test]
    async fn work_beyond_the_limit_waits_and_is_refused_in_the_end() {
        let work = Work::new(1, Duration::from_millis(20));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let other = work.clone();
        let long = tokio::spawn(async move {
            let wait = move || {
                begun.send(()).unwrap();
                released.recv().unwrap();
            };
            other.run(wait).await
        });
        has_begun.await.unwrap();
        let refused = work.run(|| ()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        // Nobody waits for it, and it still counts.
        long.abort();
        assert!(long.await.unwrap_err().is_cancelled());
        assert!(work.run(|| ()).await.is_err());
        release.send(()).unwrap();
        let waiting = Work { wait_limit: WAIT_LIMIT, ..work };
        assert_eq!(waiting.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_leaves_the_place_free() {
        let work = Work::new(1, WAIT_LIMIT);
        let panicked = work.run(|| -> u8 { panic!("no") }).await.unwrap_err();
        assert_eq!(panicked.code(), Code::Internal);
        assert_eq!(work.run(|| 7).await.unwrap(), 7);
    }
}
