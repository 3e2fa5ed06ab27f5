#!/bin/sh
# Builds both images where no container engine is: debootstrap makes the base that the Dockerfile's FROM names, buildah
# builds on it with chroot isolation, deploy/check-image.sh looks inside. Needs Linux and root; installs the two tools
# with apt-get if they are missing. The machine's certificate authorities and pip settings reach the build as secrets.
#
# TAG names the images prop:TAG and prop-sandbox:TAG (latest).
set -eu
cd "$(dirname "$0")/.."
tag=${TAG:-latest}
base=localhost/debian:bookworm-slim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ "$(id -u)" = 0 ] || { echo "make image makes a root file system with debootstrap: run it as root" >&2; exit 1; }
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends buildah debootstrap >/dev/null
fi

export BUILDAH_ISOLATION=chroot
if probe=$(buildah from scratch 2>/dev/null) && buildah mount "$probe" >/dev/null 2>&1; then
    buildah rm "$probe" >/dev/null
else
    export STORAGE_DRIVER=vfs  # slower and larger, but works where an overlay cannot be mounted
fi

make_base() {
    debootstrap --variant=minbase bookworm "$work/rootfs" >"$work/debootstrap.log" 2>&1 \
        || { tail -20 "$work/debootstrap.log" >&2; return 1; }
    # As in Debian's own slim images: of the documentation only the licences stay, now and for what is installed later.
    (
        cd "$work/rootfs"
        printf 'path-exclude /usr/share/%s/*\n' doc man locale info >etc/dpkg/dpkg.cfg.d/slim
        echo 'path-include /usr/share/doc/*/copyright' >>etc/dpkg/dpkg.cfg.d/slim
        find usr/share/doc usr/share/man usr/share/locale usr/share/info -depth ! -type d ! -name copyright -delete
        find var/cache/apt var/lib/apt/lists var/log -type f -delete
    )
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$work/rootfs" / >/dev/null
    buildah config --cmd bash "$container"
    buildah commit --quiet --rm "$container" "$base" >/dev/null
    rm -rf "$work/rootfs"
}

# What pip is told on this machine, by file or by environment, less what names a file of it.
pip_settings() {
    echo "[global]"
    [ ! -f "$work/ca.pem" ] || echo "cert = /run/secrets/ca.pem"
    python3 -m pip config list 2>/dev/null | sed -nE "s/^(:env:|global)\.(index-url|extra-index-url|trusted-host|proxy|timeout)='(.*)'$/\2 = \3/p" \
        | grep -v 'file:' || true
}

authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ ! -f "$authorities" ] || cp "$authorities" "$work/ca.pem"
pip_settings >"$work/pip.conf"

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    echo "Making the base image $base"
    make_base
fi
for target in sandbox production; do
    [ "$target" = sandbox ] && name=prop-sandbox || name=prop
    echo "Building $name:$tag"
    buildah build --quiet --layers --format docker --pull-never --build-arg "BASE=$base" --target "$target" \
        --secret "id=pip.conf,src=$work/pip.conf" --secret "id=ca.pem,src=$work/ca.pem" --tag "$name:$tag" . \
        >"$work/build.log" 2>&1 || { tail -40 "$work/build.log" >&2; exit 1; }
done
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep -E "/prop(-sandbox)?:$tag "
deploy/check-image.sh "$tag"
