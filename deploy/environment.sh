#!/bin/sh
# Makes .venv (once) and installs locked dependencies and this checkout into it. Called by the Makefile.
#
#   deploy/environment.sh LOCK        LOCK is one of requirements*.lock; every file in it is pinned by its SHA-256
#
# PYTHON=/path/to/python chooses the interpreter; without it the first of 3.11 to 3.13 on PATH is taken.
set -eu
cd "$(dirname "$0")/.."
lock=$1
venv=.venv

suits() {
    "$1" -c 'import sys, ssl, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    cat >&2 <<MESSAGE
No suitable Python was found (tried: ${PYTHON:-python3 python3.13 python3.12 python3.11 python}).

PROP runs on CPython 3.11, 3.12 or 3.13 with the venv module. Install one of them (on Debian and Ubuntu:
apt-get install python3 python3-venv) and try again, or name one:

    make run PYTHON=/path/to/python3.12
MESSAGE
    return 1
}

explain_failure() {
    cat >&2 <<MESSAGE

The dependencies of $lock could not be installed; pip's own words are above.

- No network, or a package index of your own? pip reads it from its usual settings (pip config, PIP_INDEX_URL).
- No embedded database (secantusdb) for this machine? It has wheels for CPython 3.11 to 3.13 on Linux, macOS and
  Windows. Elsewhere run the sandbox on a MongoDB of yours (7.0 or later, a replica set); nothing embedded is installed then:

    make run SANDBOX_MONGO_URI=mongodb://127.0.0.1:27017/?replicaSet=rs0
MESSAGE
}

if ! "$venv/bin/python" -c '' 2>/dev/null; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

# A lock names all there is to install. Without --no-deps pip reads "coverage[toml]>=7" of a package as one more wish,
# takes the newest release for it, and finds that no hash of that is locked.
echo "Installing $lock"
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
if ! $pip install --no-deps --require-hashes --only-binary :all: -r requirements-build.lock -r "$lock"; then
    explain_failure
    exit 1
fi

# The checkout itself, in place: .venv/bin/prop, and .venv/bin/prop-sandbox where there is a sandbox.
projects="-e ."
[ ! -f sandbox/pyproject.toml ] || projects="$projects -e sandbox"
$pip install --no-deps --no-build-isolation $projects
$pip check
