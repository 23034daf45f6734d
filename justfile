# What people run while they work; `.ci/run` is the whole of it.

# Format, lints, and the fast tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --exclude actwright-worker --all-targets -- -D warnings

# All tests of the host, and those of the Python side on this machine's python3.
test:
    cargo test
    python3 -m unittest discover -s tests/python -t .

# One table: numbers, goals, references.
bench *arguments:
    cargo build --release --package actwright --package actwright-bench
    target/release/actwright-bench {{arguments}}

# Every fuzz target for this many seconds.
fuzz seconds="3600":
    FUZZ_SECONDS={{seconds}} .ci/run fuzz

fmt:
    cargo fmt --all

# Everything that a change must pass.
ci:
    .ci/run
