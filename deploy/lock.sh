#!/bin/sh
# Writes requirements*.lock from pyproject.toml: every file pinned by its SHA-256, for Python 3.11 to 3.13 on every
# platform, naming no index. Each lock takes its versions from the development lock, so that what is tested is what runs.
# UV=/path/to/uv chooses the tool; UPGRADE=1 takes the newest releases instead of keeping what is locked.
set -eu
cd "$(dirname "$0")/.."

compile() {
    ${UV:-uv} pip compile --quiet --universal --python-version 3.11 --generate-hashes ${UPGRADE:+--upgrade} \
        --custom-compile-command "make lock" "$@"
}

compile pyproject.toml --extra embedded --extra sandbox --extra dev --group build --output-file requirements-dev.lock
compile pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock
compile pyproject.toml --extra sandbox --constraint requirements-dev.lock --output-file requirements-sandbox.lock
compile pyproject.toml --extra embedded --extra sandbox --constraint requirements-dev.lock --output-file requirements-embedded.lock
compile --group build --constraint requirements-dev.lock --output-file requirements-build.lock
compile --group audit --output-file requirements-audit.lock
