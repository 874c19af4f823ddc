# syntax=docker/dockerfile:1
# One image for web, workers, schedule and migrations: compose.yaml says which is which. What goes in is listed in
# .dockerignore: no tests, no tools, no secrets. For a reproducible image pin PYTHON by digest (docs/operations.md).
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
ARG LOCK=requirements.lock
COPY ${LOCK} /requirements.lock
# The environment that ships has no pip; whatever differs from the lock by one byte stops the build.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: --requirement /requirements.lock
WORKDIR /app
COPY . .
RUN SECRET_KEY=only-for-this-step-which-signs-nothing TOKEN_KEYS=only-for-this-step-which-seals-nothing \
    VAR_DIR=/tmp/var STATIC_ROOT=/app/static /opt/venv/bin/python manage.py collectstatic --noinput \
    && /opt/venv/bin/python -m compileall -q accounts ecwidhub installs

FROM ${PYTHON} AS run
RUN groupadd --gid 10001 ecwidhub \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ecwidhub \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/ecwidhub
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STATIC_ROOT=/app/static VAR_DIR=/var/lib/ecwidhub
VOLUME /var/lib/ecwidhub
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "ecwidhub.wsgi", "--bind", "0.0.0.0:8000"]
