#!/bin/sh
# Starts a sandbox of its own on a free port and lets two strangers loose on it: the audits of GraphQL over HTTP, and
# schemathesis with EXAMPLES (300) generated operations for every root field. Called by `make audit`.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; rm -rf "$work"' EXIT
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port

SANDBOX_PORT=$port SANDBOX_DATA_DIR=$work/data SANDBOX_RATE_PER_MINUTE=1000000 SANDBOX_RATE_BURST=1000000 \
    .venv/bin/python -m sandbox serve >"$work/log" 2>&1 &
pid=$!
until .venv/bin/python -c "import urllib.request as r; r.urlopen('$url/readyz', timeout=5)" 2>/dev/null; do
    kill -0 "$pid" 2>/dev/null || { tail -20 "$work/log" >&2; exit 1; }
    sleep 0.2
done

result=0
node tests/audits/graphql_http.js "$url/graphql" || result=1
# Arguments of a valid type may still be refused (a page of a million rows): that check takes them all to be acceptable.
.venv-audit/bin/st run "$url/graphql" --max-examples "${EXAMPLES:-300}" --workers 2 --generation-deterministic \
    --exclude-checks positive_data_acceptance || result=1
exit $result
