//! How long tests take, for `tests/run`, which names the slowest.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Instant;

/// Names the file to which each test adds a line: its seconds and its name.
const FILE: &str = "TEST_DURATIONS";

thread_local! {
    static RUNNING: Running = Running { name: std::thread::current().name().map(str::to_owned), since: Instant::now() };
}

/// Writes down how long the test that calls this takes from now on. The harness gives each test a thread of its own.
pub fn record() {
    RUNNING.with(|_| ());
}

struct Running {
    name: Option<String>,
    since: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(file), Some(name)) = (std::env::var_os(FILE), &self.name) else { return };
        let line = format!("{:.3} {name}\n", self.since.elapsed().as_secs_f64());
        // Nobody's test fails because its duration cannot be written.
        let _ =
            OpenOptions::new().append(true).open(file).and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
