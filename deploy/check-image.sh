#!/bin/sh
# Looks inside the two images that deploy/image.sh has built, and runs them as compose.yaml does: as user 10001, without
# capabilities, on a read-only root. Production gets a database over the wire, a SecantusDB started here for it.
#
#   deploy/check-image.sh [TAG]
set -eu
cd "$(dirname "$0")/.."
tag=${1:-latest}
work=$(mktemp -d)
started=""

clean_up() {
    for pid in $started; do kill "$pid" 2>/dev/null || true; done
    for container in ${production:-} ${sandbox:-}; do buildah rm "$container" >/dev/null; done
    rm -rf "$work"
}
trap clean_up EXIT
fail() { echo "check-image: $*" >&2; exit 1; }
ok() { echo "  ok: $*"; }
configured() { buildah inspect --type image --format "$2" "$1:$tag"; }
free_port() { .venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answer() { .venv/bin/python -c 'import sys, urllib.request as r; a = r.urlopen(sys.argv[1], timeout=5); print(a.status, a.headers["X-PROP-Environment"])' "$1"; }

# Becomes COMMAND inside the image, in its environment and what a deployment adds to that: call it in a subshell.
in_image() {  # IMAGE ROOT NAME=VALUE... COMMAND...
    image=$1 root=$2
    shift 2
    exec unshare --mount sh -euc '
        root=$1; shift
        mount --bind "$root" "$root"
        mount -t tmpfs tmpfs "$root/tmp"
        [ ! -d "$root/data" ] || { mount -t tmpfs tmpfs "$root/data"; chown 10001:10001 "$root/data"; }
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -o remount,bind,ro "$root"
        exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set -all --inh-caps -all \
            --no-new-privs env -i "$@"
    ' in_image "$root" $(configured "$image" '{{range .OCIv1.Config.Env}}{{.}} {{end}}') "$@"
}

wait_for() {  # URL EXPECTED PID
    for _ in $(seq 150); do
        [ "$(answer "$1" 2>/dev/null)" = "$2" ] && return
        kill -0 "$3" 2>/dev/null || fail "ended early: $(tail -5 "$work/log")"
        sleep 0.2
    done
    fail "$1 did not answer '$2': $(answer "$1" 2>&1 | tail -1) $(tail -5 "$work/log")"
}

look_inside() {  # IMAGE ROOT
    [ "$(configured "$1" '{{.OCIv1.Config.User}}')" = 10001:10001 ] || fail "$1 does not run as 10001"
    [ "$(configured "$1" '{{.Docker.Config.StopSignal}}')" = SIGTERM ] || fail "$1 has no stop signal"
    [ "$(configured "$1" '{{len .Docker.Config.Healthcheck.Test}}')" -gt 1 ] || fail "$1 has no health check"
    for absent in pip gcc cc make; do
        [ -z "$(find "$2/usr/bin" "$2/usr/local/bin" "$2/opt/prop/bin" -name "$absent" -o -name "$absent[0-9]*")" ] || fail "$1 holds $absent"
    done
    [ -z "$(find "$2/root" "$2/tmp" "$2/run/secrets" "$2/etc/pip.conf" -type f ! -name '.*rc' ! -name .profile 2>/dev/null)" ] || fail "$1 keeps what building it left"
    [ -n "$(find "$2/opt/prop" -path '*/service/__pycache__/cli.*.pyc')" ] || fail "$1 is not compiled"
    ok "$1 runs as 10001, stops on SIGTERM, has a health check, and no compiler, pip, cache or secret"
}

run_and_stop() {  # IMAGE ROOT PORT WORLD NAME=VALUE...
    image=$1 root=$2 port=$3 world=$4
    shift 4
    in_image "$image" "$root" "$@" $(configured "$image" '{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}') \
        $(configured "$image" '{{range .OCIv1.Config.Cmd}}{{.}} {{end}}') >"$work/log" 2>&1 &
    pid=$!
    started="$started $pid"
    wait_for "http://127.0.0.1:$port/healthz" "200 $world" "$pid"
    wait_for "http://127.0.0.1:$port/readyz" "200 $world" "$pid"
    health=$(configured "$image" '{{index .Docker.Config.Healthcheck.Test 3}}')
    (in_image "$image" "$root" "$@" python -c "$health") || fail "$image: its health check fails while it is healthy"
    [ "$(grep -E '^Uid|^CapEff|^CapBnd|^NoNewPrivs' "/proc/$pid/status" | tr -s '\t\n' ' ')" = \
        "Uid: 10001 10001 10001 10001 CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 " ] || fail "$image has privileges"
    kill -TERM "$pid"
    wait "$pid" && ended=0 || ended=$?
    case $ended in 0 | 143) ;; *) fail "$image ended with $ended on SIGTERM: $(tail -5 "$work/log")" ;; esac
    (in_image "$image" "$root" "$@" python -c "$health") 2>/dev/null && fail "$image: its health check passes while it is down"
    ok "$image answered /healthz and /readyz from a read-only root, without capabilities, and ended on SIGTERM ($ended)"
}

production=$(buildah from --pull-never "prop:$tag")
root=$(buildah mount "$production")
echo "prop:$tag"
look_inside prop "$root"
found=$(find "$root" -xdev \( -path '*/site-packages/sandbox*' -o -iname '*prop[-_]sandbox*' -o -iname '*secantus*' \))
[ -z "$found" ] || fail "production holds $found"
ok "no file of the sandbox, no embedded database, among $(find "$root/opt/prop" -type f | wc -l) files"

database=$(free_port)
.venv/bin/secantusd-py --port "$database" --storage-path "$work/database" >"$work/database.log" 2>&1 &
started="$started $!"
port=$(free_port)
set -- PROP_PORT="$port" PROP_HOST=127.0.0.1 PROP_PUBLIC_URL=https://prop.example.org PROP_WORKERS=1 \
    PROP_MONGO_URI="mongodb://127.0.0.1:$database/" PROP_DATA_KEY="$(openssl rand -base64 32)" \
    PROP_SIGNING_KEY="$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)" \
    PROP_LOG_KEY="$(openssl genpkey -algorithm ED25519)"
for _ in $(seq 50); do
    .venv/bin/python -c "import socket; socket.create_connection(('127.0.0.1', $database), 1)" 2>/dev/null && break
    sleep 0.1
done
(in_image prop "$root" "$@" prop database init) >"$work/init.log" 2>&1 || fail "prop database init: $(tail -5 "$work/init.log")"
run_and_stop prop "$root" "$port" PRODUCTION "$@"

sandbox=$(buildah from --pull-never "prop-sandbox:$tag")
root=$(buildah mount "$sandbox")
echo "prop-sandbox:$tag"
look_inside prop-sandbox "$root"
port=$(free_port)
run_and_stop prop-sandbox "$root" "$port" SANDBOX SANDBOX_PORT="$port" SANDBOX_HOST=127.0.0.1
