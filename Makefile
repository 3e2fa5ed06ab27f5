# Everything a newcomer, a developer and CI call. `make help` lists it.
COVERAGE ?= --cov --cov-report=term
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder --durations=10
TESTS ?= tests

BIN := .venv/bin
PROJECTS := pyproject.toml $(wildcard sandbox/pyproject.toml) requirements-build.lock deploy/environment.sh
NODE_MODULES := $(patsubst %/package-lock.json,%/node_modules,$(wildcard tests/*/package-lock.json tests/*/*/package-lock.json))
# On a database of your own nothing embedded is needed, nor installed.
RUN_LOCK := $(if $(SANDBOX_MONGO_URI),requirements-sandbox.lock,requirements-embedded.lock)

.DEFAULT_GOAL := help
.PHONY: help run test lint types check lock image audit bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: .venv/has-$(RUN_LOCK)  ## the sandbox on http://127.0.0.1:8000 (PORT=8123, AGREEMENT=file, SANDBOX_MONGO_URI=uri, PYTHON=python)
	@exec $(BIN)/python -m sandbox serve $(if $(PORT),--port '$(PORT)') $(if $(AGREEMENT),--agreement '$(AGREEMENT)')

test: .venv/has-requirements-dev.lock $(NODE_MODULES)  ## all tests, with branch coverage (TESTS=tests/service)
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(COVERAGE) $(TESTS)

lint: .venv/has-requirements-dev.lock  ## style, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/has-requirements-dev.lock  ## mypy, strict
	$(BIN)/mypy

check: lint types test  ## what a change must pass

lock:  ## pins every dependency anew, with hashes (needs uv)
	deploy/lock.sh

image: .venv/has-requirements-embedded.lock  ## builds and checks both container images with buildah (Linux, root, no engine needed)
	deploy/image.sh

audit: .venv/has-requirements-embedded.lock .venv-audit/has-requirements-audit.lock $(NODE_MODULES)  ## a started sandbox against graphql-http and schemathesis
	deploy/audit.sh

bench: .venv/has-requirements-dev.lock  ## requests per second beside stock strawberry, certificates beside bare cryptography, a large CRL
	$(BIN)/python -m tests.bench

clean:  ## forgets what was installed and built; the sandbox's data in .data/ stays
	rm -rf .venv .venv-audit .image .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage dist $(NODE_MODULES)

# The stamp is older than its lock as soon as the lock changes; a start with nothing to install runs no pip.
.venv/has-%: % $(PROJECTS)
	@deploy/environment.sh $<
	@touch $@

# All that running needs is among what developing needs.
.venv/has-requirements-dev.lock: requirements-dev.lock $(PROJECTS)
	@deploy/environment.sh $<
	@touch $@ .venv/has-requirements.lock .venv/has-requirements-sandbox.lock .venv/has-requirements-embedded.lock

# Apart from the rest: what the audits need is no matter of ours.
.venv-audit/has-%: % .venv/has-requirements-embedded.lock
	$(BIN)/python -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: -r $<
	@touch $@

%/node_modules: %/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $* --no-audit --no-fund && touch $@; \
	else echo "npm was not found: the tests that need $* will be skipped"; fi
