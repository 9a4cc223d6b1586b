//! Writes log lines to standard output, in batches, from a thread of its own.
//!
//! A request only appends its line to a buffer. When standard output cannot keep up, lines are dropped and counted instead of
//! delaying requests.

mod json_line;

use embed_base::config::Settings;
use embed_base::names;
use json_line::JsonLine;
use std::fmt;
use std::io::{self, Write, stdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// How long lines are collected after the first one.
const BATCH_DELAY: Duration = Duration::from_millis(25);
/// The size of the buffer, in bytes.
const BUFFER_SIZE: usize = 4 * 1024 * 1024;

/// The crates of the server besides this one.
const CRATES: [&str; 3] = ["embed_base", "embed_core", "embed_console"];

/// The log. Dropping it writes the remaining lines.
pub(crate) struct Log {
    buffer: Buffer,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Starts logging: JSON, or plain text in development.
    pub(crate) fn start(settings: &Settings) -> Self {
        let buffer = Buffer::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(for_all_crates(&settings.logs.log)))
            .with_writer(buffer.clone());
        // Fails only if another subscriber is set already, which then stays.
        let _ = if settings.server.dev {
            let readable = Shown(tracing_subscriber::fmt::format().with_ansi(false));
            tracing::subscriber::set_global_default(subscriber.event_format(readable).finish())
        } else {
            tracing::subscriber::set_global_default(subscriber.event_format(JsonLine).finish())
        };
        let writing = buffer.clone();
        Self { buffer, thread: Some(std::thread::spawn(move || writing.write_out(&mut stdout()))) }
    }
}

/// A format for terminals, with what is not seen written out.
struct Shown<F>(F);

impl<S, N, F> FormatEvent<S, N> for Shown<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0.format_event(context, Writer::new(&mut text), event)?;
        line.write_str(&names::shown(&text))
    }
}

/// `embed_server` in a filter stands for all crates of the server; directives for a single crate come later and win.
fn for_all_crates(filter: &str) -> String {
    let mut directives = String::new();
    for directive in filter.split(',').map(str::trim) {
        let Some(level) = directive.strip_prefix("embed_server") else { continue };
        if level.is_empty() || level.starts_with('=') {
            CRATES.iter().for_each(|name| directives.extend([name, level, ","]));
        }
    }
    directives + filter
}

impl Drop for Log {
    fn drop(&mut self) {
        self.buffer.lock().closed = true;
        self.buffer.0.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            // Nothing is left to do if the thread has panicked.
            let _ = thread.join();
        }
    }
}

/// The lines that are not written yet. Clones share them.
#[derive(Clone, Default)]
struct Buffer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    closed: bool,
}

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines until the log is closed and empty.
    fn write_out(&self, out: &mut impl Write) {
        let mut batch = Vec::new();
        loop {
            let is_idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.closed;
            let waiting = self.0.filled.wait_while(self.lock(), is_idle);
            let closed = waiting.unwrap_or_else(PoisonError::into_inner).closed;
            if !closed {
                std::thread::sleep(BATCH_DELAY);
            }
            let mut waiting = self.lock();
            std::mem::swap(&mut batch, &mut waiting.lines);
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            if dropped > 0 {
                // Writing to a vector cannot fail.
                let _ = writeln!(
                    batch,
                    r#"{{"level":"WARN","message":"log lines were dropped","lines":{dropped}}}"#
                );
            }
            // A broken standard output must not stop the server.
            let _ = out.write_all(&batch).and_then(|()| out.flush());
            batch.clear();
            if closed {
                return;
            }
        }
    }
}

/// Each write is one whole line.
impl Write for Buffer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > BUFFER_SIZE {
            waiting.dropped += 1;
        } else {
            waiting.lines.extend_from_slice(line);
            if waiting.lines.len() == line.len() {
                self.0.filled.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_name_in_a_filter_stands_for_all_its_crates() {
        assert_eq!(
            for_all_crates("warn,embed_server=debug"),
            "embed_base=debug,embed_core=debug,embed_console=debug,warn,embed_server=debug"
        );
        assert_eq!(for_all_crates("off,embed_server::sign_in=warn"), "off,embed_server::sign_in=warn");
    }

    #[test]
    fn remaining_lines_are_written_when_the_log_is_closed() {
        let mut buffer = Buffer::default();
        buffer.write_all(b"one\n").unwrap();
        buffer.write_all(b"two\n").unwrap();
        buffer.lock().closed = true;
        let mut out = Vec::new();
        buffer.write_out(&mut out);
        assert_eq!(out, b"one\ntwo\n");
    }

    #[test]
    fn lines_beyond_the_buffer_are_dropped_and_counted() {
        let mut buffer = Buffer::default();
        let line = vec![b'x'; BUFFER_SIZE / 2];
        for _ in 0..5 {
            buffer.write_all(&line).unwrap();
        }
        buffer.lock().closed = true;
        let mut out = Vec::new();
        buffer.write_out(&mut out);
        assert!(String::from_utf8(out).unwrap().ends_with("\"lines\":3}\n"));
    }
}
