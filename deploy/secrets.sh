#!/bin/sh
# Makes the secrets that compose.yaml gives to production, in deploy/secrets/; what is there already is kept.
# Run as root: the service's user, 10001, is made the owner of what the service reads, and nobody else may.
# Keep a copy of data-key elsewhere: without it the personal data in the database cannot be read again. The keys of
# the issuing authority are made at a ceremony of their own (`prop authority --help`), not here.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "run this as root: the files must belong to the user inside the image" >&2; exit 1; }
command -v openssl >/dev/null || { echo "openssl was not found" >&2; exit 1; }
umask 077
mkdir -p secrets

keep() {  # NAME OWNER: stores what it reads, if there is no such secret yet
    if [ -e "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1"; fi
    chown "$2:$2" "secrets/$1"
    chmod 400 "secrets/$1"
}

uri() {  # USER: a connection string with a password of its own
    echo "mongodb://$1:$(openssl rand -hex 32)@mongo1:27017,mongo2:27017,mongo3:27017/?replicaSet=prop&authSource=admin"
}

openssl rand -base64 756 | keep mongo-keyfile 0
openssl rand -hex 32 | keep mongo-admin 0
uri prop_owner | keep mongo-owner-uri 10001
uri prop | keep mongo-uri 10001
openssl rand -base64 32 | keep data-key 10001
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | keep signing-key 10001
openssl genpkey -algorithm ED25519 | keep log-key 10001
echo "secrets/ holds production's secrets; it is in no image and in no commit"
