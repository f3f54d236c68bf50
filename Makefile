# Needs cargo, a C compiler and Python 3; everything else is fetched into target/.
.DEFAULT_GOAL := help
.PHONY: help build fmt lint test test-browser test-system test-faults test-api-fuzz test-clients stopwatch sim bench demo deny docs-check services ci

CARGO ?= cargo
PYTHON ?= python3
# Tests mostly wait for servers, and each server costs memory: more than cores, yet few.
TEST_THREADS ?= 4
SEEDS ?= 500
# Fixed, so that a new release cannot break an old commit.
SCHEMATHESIS := 4.32.5
export RUST_TEST_THREADS = $(TEST_THREADS)
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | awk -F '\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

build: ## Build all binaries, optimised
	$(CARGO) build --locked --release --workspace --bins

fmt: ## Format the code
	$(CARGO) fmt --all

lint: ## Formatting, clippy, documentation, licences and bans; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) docs-check deny

test: services ## Every test, against real Postgres and NATS that it fetches and starts itself
	@echo "== tests of all crates and of the whole, $(TEST_THREADS) at a time"
	$(CARGO) test --locked --workspace --all-targets

test-system: services ## Only the tests of the whole: real servers, real processes
	$(CARGO) test --locked -p rig -p system-tests

test-browser: ## The console in Chromium: what people do, what no page may do; screenshots in target/browser
	$(CARGO) build --locked --workspace --bin pressrun --bin fake-model
	$(PYTHON) tests/browser/console.py

test-faults: services ## Kill processes and servers in mid-run, 20 seeds; every run must end whole
	$(CARGO) run --locked --release -p system-tests --bin faults

test-api-fuzz: services target/tools/schemathesis/bin/st ## Fuzz the JSON API of real processes with schemathesis
	$(CARGO) run --locked -p system-tests --bin api-fuzz

# From the Python package index, so only for whoever asks for it.
target/tools/schemathesis/bin/st:
	$(PYTHON) -m venv target/tools/schemathesis
	target/tools/schemathesis/bin/pip install --quiet schemathesis==$(SCHEMATHESIS)

test-clients: services target/tools/clients/.installed ## Run the documented clients, Python and curl, against real processes
	$(CARGO) run --locked -p system-tests --bin clients

target/tools/clients/.installed: docs/how-to/clients/requirements.txt
	$(PYTHON) -m venv target/tools/clients
	target/tools/clients/bin/pip install --quiet -r docs/how-to/clients/requirements.txt
	touch $@

stopwatch: ## How long a stranger waits, from a fresh clone to a finished campaign on its page
	$(PYTHON) tests/stopwatch.py

sim: ## Simulate the whole system under faults, SEEDS=n seeds
	$(CARGO) run --locked --release -p sim -- --seeds $(SEEDS)

bench: services ## Measure this machine and the product on it, into target/bench/results.json
	$(CARGO) run --locked --release -p system-tests --bin bench

demo: ## Run a campaign on embedded parts, in one process, without a model
	$(CARGO) run --locked --release --bin pressrun -- demo

deny: ## Check licences, bans and sources of all dependencies (.ci/run gets cargo-deny)
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --locked check bans licenses sources; \
	else echo "== no cargo-deny: 'cargo install cargo-deny --locked --root target/tools' to check licences here too"; fi

docs-check: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

services: ## Find or fetch nats-server and Postgres
	$(PYTHON) tests/rig/services.py fetch

ci: ## Exactly what CI runs
	.ci/run
