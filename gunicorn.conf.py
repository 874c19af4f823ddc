"""How the web server runs: `gunicorn ecwidhub.wsgi` finds this file by itself; its command line wins over it."""

import gc
import logging
import os

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# A double click waits for the first one's result, and holds a thread while it does.
threads = int(os.environ.get("WEB_THREADS", "16"))
timeout = 30
keepalive = 130  # longer than a proxy keeps a connection (Caddy: 120), else its next request meets a closed one
graceful_timeout = 25
# Against what leaks slowly. A new worker is a fork, but one that has compiled no template yet.
max_requests = 20_000
max_requests_jitter = 2_000
limit_request_line = 8190  # a native page's payload is long (contract §8)
# Loaded once, then forked: workers share most of their memory and are there at once. New code needs a restart.
preload_app = True
control_socket_disable = True
# A worker shows that it lives by touching a file; on a slow or read-only disk that would look like death.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  memory, not a shared file

# Whether the internet reaches us by HTTPS is a fact of SITE_URL (docs/adr/0004), so no proxy's word is taken for it.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

# The path alone: the query may hold a code or a payload, and a Referer may hold somebody else's.
accesslog = "-"
access_log_format = "%(m)s %(U)s %(s)s %(B)sB %(M)sms"


def when_ready(server: Arbiter) -> None:
    """Leave alone what is loaded: a collection in a worker would write to, and so copy, every page of it."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Worker) -> None:
    """Send a worker's lines where the application's go: one redacted JSON object each, on standard output."""
    for logger in (worker.log.error_log, worker.log.access_log):
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)  # LOG_LEVEL decides
