# Everything a developer does here, each verb with its own set-up. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
CODE := accounts installs ecwidhub
# The type checker reads the settings, and they do not load without keys.
ANY_KEY := this-key-signs-nothing-and-seals-nothing
# Asserts, words that look like passwords, plain randomness and composed SQL: ruff's S101, S105, S106, S311 and S608
# want a reason at each line.
HELD_BY_RUFF := B101,B105,B106,B311,B608

.DEFAULT_GOAL := help
.PHONY: help run test test-services lint types messages bench demo-data chaos soak lock licences audit sbom clean

help: ## list the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

# The stamp is older than the requirements when they have changed since.
.venv/.installed: requirements.txt requirements-observe.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ecwidhub needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	@echo "Installing what is needed into .venv (a minute at the first time) …"
	@test -z "$(LOCKED)" || $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

run: .venv/.installed ## set up and run everything, with the Ecwid sandbox (PORT=8000 SANDBOX_PORT=8100)
	@$(BIN)/python -m scripts.run

test: .venv/.installed ## run the whole test suite (ARGS="-k install")
	@$(BIN)/pytest -n auto --dist loadgroup $(ARGS)

test-services: .venv/.installed ## the same suite on the PostgreSQL and Redis of DATABASE_URL and REDIS_URL
	@test -n "$$DATABASE_URL" && test -n "$$REDIS_URL" || { echo "make test-services needs DATABASE_URL and REDIS_URL in the environment." >&2; exit 2; }
	@ECWIDHUB_TEST_SERVICES=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadgroup $(ARGS)

lint: .venv/.installed ## check style, formatting, the direction of imports, dangerous calls and migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r $(CODE) --skip $(HELD_BY_RUFF)
	SECRET_KEY=$(ANY_KEY) TOKEN_KEYS=$(ANY_KEY) $(BIN)/python -m scripts.migrations

types: .venv/.installed ## check types
	SECRET_KEY=$(ANY_KEY) TOKEN_KEYS=$(ANY_KEY) $(BIN)/mypy $(CODE) scripts tests

messages: .venv/.installed ## bring the catalogues in locale/ up to the words in the source
	@SECRET_KEY=$(ANY_KEY) TOKEN_KEYS=$(ANY_KEY) $(BIN)/python -m scripts.catalogues

bench: .venv/.installed ## compare with the least code that does the same job (DATABASE_URL for PostgreSQL)
	@$(BIN)/python -m tests.bench

soak: .venv/.installed ## a mixed load for half an hour, and what grows meanwhile (SOAK_SECONDS=1800)
	@$(BIN)/python -m tests.bench.soak

chaos: .venv/.installed ## break everything around the service in turn, and count what was lost (ARGS="redis disk")
	@$(BIN)/python -m tests.chaos $(ARGS)

demo-data: .venv/.installed ## fill the database of DATABASE_URL with N made-up installations (N=10000 ARGS="--events 10")
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python -m scripts.demo $(or $(N),10000) $(ARGS)

lock: .venv/.installed ## pin every package that runs, by hash, in requirements.lock and requirements-observe.lock; then the licences
	@$(BIN)/uv pip compile requirements.txt --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --output-file requirements.lock
	@$(BIN)/uv pip compile requirements.txt requirements-observe.txt --constraint requirements.lock --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --output-file requirements-observe.lock
	@$(BIN)/python -m scripts.licences

licences: .venv/.installed ## write docs/licences.md
	@$(BIN)/python -m scripts.licences

audit: .venv/.installed ## ask the advisory service about every pinned package (needs the internet)
	$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements-observe.lock

sbom: .venv/.installed ## write sbom.json, a CycloneDX list of what runs
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file sbom.json requirements.lock

clean: ## remove what tools leave behind; keeps .env, var/ and .venv
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov staticfiles
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
