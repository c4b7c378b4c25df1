# Each target first runs scripts/setup, which installs what the machine lacks and is
# quick when nothing is missing. target/setup.env says where it put things.

.DEFAULT_GOAL := help
.PHONY: help demo install test test-oracle lint bench
.SILENT:

CARGO := . target/setup.env; cargo
BINARY := $(or $(CARGO_TARGET_DIR),target)/release/lockmaster

DEMO := \
	fixtures/numbered/ibw \
	fixtures/numbered/digis \
	fixtures/psql/takumi \
	fixtures/up-down/dogepump \
	fixtures/node-pg-migrate/gotong-royong

help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## build, then lint the bundled migration directories
	scripts/setup
	$(CARGO) build --release --locked
	for directory in $(DEMO); do \
		printf '\n== %s ==\n\n' "$$directory"; \
		$(BINARY) lint --fail-on never "$$directory" || exit; \
	done

install: ## install the program for the current user
	scripts/setup
	$(CARGO) install --locked --path .

test: ## run every test, with a PostgreSQL server of this machine
	scripts/setup --tests
	$(CARGO) test --locked --all-targets
	$(CARGO) test --locked --doc

test-oracle: ## run the tests with the PostgreSQL servers 12 to 18
	scripts/setup --tests --oracle
	LOCKMASTER_TEST_POSTGRES=12,13,14,15,16,17,18; export LOCKMASTER_TEST_POSTGRES; \
		$(CARGO) test --locked --tests

lint: ## check formatting, clippy and the documentation
	scripts/setup
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings; export RUSTDOCFLAGS; $(CARGO) doc --locked --no-deps

bench: ## run the benchmarks
	scripts/setup
	$(CARGO) bench --locked
