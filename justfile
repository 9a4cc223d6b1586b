# The recipes, listed.
default:
    @just --list

# The format, and what the linter says.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- --deny warnings

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
