# Two images from one file: `sandbox`, and, as the last target, `production`, which holds no file of the sandbox.
#
#   docker build -t prop .                        docker build -t prop-sandbox --target sandbox .
#
# BASE is any Debian 12 (its Python is 3.11); pin it by digest where you deploy. A package index or certificate
# authority of your own reaches pip as a build secret (--secret id=pip.conf,src=... --secret id=ca.pem,src=...), which
# no layer keeps. `make image` does all of it without an engine.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* \
    && groupadd --gid 10001 prop \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin prop
ENV PATH=/opt/prop/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
STOPSIGNAL SIGTERM
EXPOSE 8000

# pip lives in an environment of its own, so that /opt/prop holds the locked files and nothing else.
FROM runtime AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/prop
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements-build.lock requirements.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /opt/build/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements-build.lock \
    && /opt/build/bin/pip --python /opt/prop/bin/python install --no-deps --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY schema schema
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/pip --python /opt/prop/bin/python install --no-index --no-deps /wheels/prop_service-*.whl \
    && /opt/build/bin/pip --python /opt/prop/bin/python check

FROM build AS build-sandbox
COPY requirements-embedded.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    /opt/build/bin/pip --python /opt/prop/bin/python install --no-deps --require-hashes --only-binary :all: -r requirements-embedded.lock
COPY sandbox sandbox
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./sandbox \
    && /opt/build/bin/pip --python /opt/prop/bin/python install --no-index --no-deps /wheels/prop_sandbox-*.whl \
    && /opt/build/bin/pip --python /opt/prop/bin/python check

FROM runtime AS sandbox
LABEL org.opencontainers.image.title="PROP sandbox" org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-only"
RUN install -d -o prop -g prop -m 700 /data
COPY --from=build-sandbox /opt/prop /opt/prop
ENV SANDBOX_HOST=0.0.0.0 SANDBOX_PORT=8000 SANDBOX_DATA_DIR=/data
VOLUME /data
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['SANDBOX_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["prop-sandbox"]
CMD ["serve"]

FROM runtime AS production
LABEL org.opencontainers.image.title="PROP" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/prop /opt/prop
ENV PROP_HOST=0.0.0.0 PROP_PORT=8000
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PROP_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["prop"]
CMD ["serve"]
