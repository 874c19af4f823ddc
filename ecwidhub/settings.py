"""Every setting, read once from the environment. Nothing else in the project reads the environment.

`NAME_FILE` may stand for each variable: it names a file that holds the value.
Each variable is explained in `.env.example`; a test keeps the two equal.
"""

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from ecwidhub import environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = environment.read(BASE_DIR / ".env")

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))


_HOW = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def _keys(name: str) -> list[str]:
    """Return the comma list of keys in variable `name`; a key somebody could guess is refused like a missing one."""
    keys = [key.strip() for key in env.list(name, default=[]) if key.strip()]
    if not keys or any(len(key) < 32 for key in keys):
        raise ImproperlyConfigured(f"{name} must be set, each key 32 characters or more. {_HOW}")
    return keys


DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY: str = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(f"SECRET_KEY must be set. {_HOW}")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
TOKEN_KEYS: list[str] = _keys("TOKEN_KEYS")

# Where we are. Absolute addresses are built from SITE_URL, never from the Host header.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
SITE_URL: str = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
HTTPS = urlsplit(SITE_URL).scheme == "https"
NUM_PROXIES: int = env.int("NUM_PROXIES", default=0)  # whose X-Forwarded-For is believed: ecwidhub/proxies.py

# Where Ecwid is.
ECWID_OAUTH_URL: str = env.str("ECWID_OAUTH_URL", default="https://my.ecwid.com/api/oauth").rstrip("/")
ECWID_API_URL: str = env.str("ECWID_API_URL", default="https://app.ecwid.com/api/v3").rstrip("/")
ECWID_ADMIN_ORIGINS: list[str] = env.str("ECWID_ADMIN_ORIGINS", default="https://my.ecwid.com").split()
ECWID_APP_SDK_URL: str = env.str(
    "ECWID_APP_SDK_URL", default="https://djqizrxa6f10j.cloudfront.net/ecwid-sdk/js/1.3.0/ecwid-app.js"
)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin: it replaces the admin's templates
    "unfold.contrib.filters",
    "ecwidhub.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_otp",
    "csp",
    "accounts",
    "installs",
]

MIDDLEWARE = [
    "ecwidhub.middleware.Story",
    "ecwidhub.proxies.ClientAddress",
    "ecwidhub.middleware.DatabaseDown",
    "django.middleware.security.SecurityMiddleware",
    "ecwidhub.middleware.Programs",
    "accounts.middleware.Language",  # early: whatever goes wrong further in is said in the reader's language, too
    "csp.middleware.CSPMiddleware",
    "ecwidhub.middleware.SecurityHeaders",  # inside CSPMiddleware, which writes the policy this one may relax
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ecwidhub.middleware.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.middleware.SupportView",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "ecwidhub.urls"
WSGI_APPLICATION = "ecwidhub.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.switcher",
                "csp.context_processors.nonce",
            ],
            # Every page speaks its reader's language, so no template has to ask for the words.
            "builtins": ["django.templatetags.i18n", "accounts.templatetags.reading"],
        },
    },
]

# Database: SQLite tuned for several processes, or PostgreSQL.
_database: dict[str, Any] = env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'ecwidhub.sqlite3'}")
DATABASES = {"default": _database}
if "sqlite" in _database["ENGINE"]:
    Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a transaction that will write waits at its start, not in the middle
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    _database["TEST"] = {"NAME": f"{_database['NAME']}.test"}
else:
    _database["CONN_HEALTH_CHECKS"] = True
    _database["DISABLE_SERVER_SIDE_CURSORS"] = env.bool("DISABLE_SERVER_SIDE_CURSORS", default=False)
    # Whoever waits for a lock makes all wait who come later: a migration that may take its time does not wait for long.
    _limits = {
        "statement_timeout": env.int("STATEMENT_TIMEOUT", default=10_000),
        "lock_timeout": 5_000,
        "idle_in_transaction_session_timeout": 30_000,
    }
    _database["OPTIONS"] = {
        "connect_timeout": 3,
        # A host that is gone says nothing, and without these everybody would wait for it for a quarter of an hour.
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={limit}" for name, limit in _limits.items()),
    } | _database.get("OPTIONS", {})
# Closing SQLite's last connection writes its whole log back: milliseconds, at every request.
_database["CONN_MAX_AGE"] = 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Queue: Redis where there is one, else files in var/ (the embedded queue). Either is only a doorbell: see ADR 2.
REDIS_URL: str = env.str("REDIS_URL", default="")
# By urgency: somebody waits, or everything does; news and alerts; what may take the night. A worker takes all three in
# turn, so that none starves, unless `-Q` says otherwise.
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {"install": {}, "events": {}, "bulk": {}}
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_TASK_ROUTES = {
    "accounts.tasks.*": {"queue": "install"},
    "installs.tasks.prefill": {"queue": "install"},
    "installs.tasks.sweep": {"queue": "install"},
    "installs.tasks.echo": {"queue": "install"},
    "installs.tasks.drain": {"queue": "events"},
    "installs.tasks.watch": {"queue": "events"},
    "installs.tasks.deliver": {"queue": "events"},
}
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a queue that nobody reads is a mistake, not a queue
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 30
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "max_retries": 0,  # a visitor waits for one time-out, not for two; the sweep rings again
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    QUEUE_DIR = VAR_DIR / "queue"
    for _folder in (QUEUE_DIR, QUEUE_DIR / "control"):
        _folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR),
        "data_folder_out": str(QUEUE_DIR),
        "control_folder": str(QUEUE_DIR / "control"),
        "polling_interval": 0.1,
    }

SPOOL_DIR = Path(env.str("SPOOL_DIR", default=str(VAR_DIR / "spool")))

# Less free disk than this and nothing can be kept: no row in SQLite, no grant in the spool.
DISK_FREE_LEAST = 64 * 2**20
DOCTOR_PATIENCE = 3.0  # seconds for a message to go through the queue and back

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "sesame.backends.ModelBackend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Mailed sign-in links: once, and soon. A link dies when it was used, because it is bound to the last sign-in.
SESAME_TOKEN_NAME = "sesame"  # noqa: S105  a parameter's name
SESAME_MAX_AGE = 15 * 60
SESAME_ONE_TIME = True
SESAME_INVALIDATE_ON_EMAIL_CHANGE = True
MAIL_RETRY = timedelta(minutes=1)

# Operators' sessions: how long one may lie idle, and how long it may last at all.
OPERATOR_IDLE = timedelta(minutes=30)
OPERATOR_LONGEST = timedelta(hours=8)
# For how long a second factor that was shown is enough for what cannot be taken back.
OPERATOR_FRESH = timedelta(minutes=15)
# What a support view shows, by GET; no other page, for some do things when they are opened.
SUPPORT_VIEW_PAGES = ("home", "account", "people", "store", "onboarding", "setting", "connection")

# Cookies and headers. `__Host-` needs Secure, so plain-HTTP development has plain names.
_prefix = "__Host-" if HTTPS else ""
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_NAME = f"{_prefix}session"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"  # not Strict: a merchant comes from the store's admin, and is known
SESSION_COOKIE_AGE = 7 * 24 * 3600
CSRF_COOKIE_NAME = f"{_prefix}csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "ecwidhub.views.csrf_failure"
BROWSER_COOKIE_NAME = f"{_prefix}browser"
ATTEMPT_COOKIE_NAME = f"{_prefix}attempt"
PASSKEY_COOKIE_NAME = f"{_prefix}passkey"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The redirect from http to https belongs to the reverse proxy: Ecwid counts every 3xx at the webhook address as a
# failed delivery (contract §7.5), and the scheme is a fact of SITE_URL here, not of a header (ecwidhub/wsgi.py).
SILENCED_SYSTEM_CHECKS = ["security.W008"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_HANDLERS = ["installs.uploads.InMemory"]  # what operators upload holds tokens: never on a disk
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

_CSP = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "object-src": [NONE],
    "frame-ancestors": [NONE],
}
CONTENT_SECURITY_POLICY = {"DIRECTIVES": _CSP}
# The admin's theme evaluates Alpine expressions and sets inline styles: see docs/adr/0003. Scripts stay ours alone.
ADMIN_CSP = _CSP | {"script-src": [SELF, UNSAFE_EVAL, NONCE], "style-src": [SELF, UNSAFE_INLINE]}

# Languages and time. A language has a catalogue in locale/ (docs/languages.md); its name here is its own.
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("nl", "Nederlands"),
    ("pt", "Português"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "ecwidhub" / "assets"]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has a use for our files
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()  # before collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "ecwidhub.static.HashedWhereCollected"},
}

# Mail
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
# Whom mails come from: mail servers refuse what a domain's owner has not said to be its own.
DEFAULT_FROM_EMAIL: str = env.str("EMAIL_FROM", default=f"no-reply@{urlsplit(SITE_URL).hostname}")
EMAIL_TIMEOUT = 10  # a mail server that is silent must not hold a worker for longer than its lease

# Logs
LOG_LEVEL: str = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING_CONFIG = "ecwidhub.logs.configure"
LOGGING = {"level": LOG_LEVEL, "json": not DEBUG}

# Metrics. The library reads this variable itself, when it is imported.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
METRICS_DIR = VAR_DIR / "metrics"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)

# Failures to Sentry, traces to an OpenTelemetry collector: neither is even imported unless somebody wants it.
SENTRY_DSN: str = env.str("SENTRY_DSN", default="")
OTLP_ENDPOINT: str = env.str("OTLP_ENDPOINT", default="")
for _wanted, _library, _room in (
    (SENTRY_DSN, "sentry_sdk", "ecwidhub.sentry.Sentry"),
    (OTLP_ENDPOINT, "opentelemetry", "ecwidhub.traces.Traces"),
):
    if _wanted and find_spec(_library) is None:
        raise ImproperlyConfigured(f"{_library} is missing. Run: pip install -r requirements-observe.lock")
    if _wanted:
        INSTALLED_APPS.append(_room)
if OTLP_ENDPOINT:
    MIDDLEWARE.insert(1, "ecwidhub.traces.Requests")

UNFOLD = {
    "SITE_TITLE": "ecwidhub",
    "SITE_HEADER": "ecwidhub",
    "SITE_SYMBOL": "hub",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda _request: static("console.css")],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("mark.svg")}],
    # The brand's green of the merchants' pages (assets/hub.css): --accent and --accent-deep of light at 600 and 700,
    # --accent of dark at 400. The theme writes on 600 in white, and with 600 on white and 500 on near black.
    "COLORS": {
        "primary": {
            "50": "#eef8f4",
            "100": "#d9efe6",
            "200": "#b3dfcf",
            "300": "#83c9b0",
            "400": "#6ad3b0",
            "500": "#35b48c",
            "600": "#0b6b53",
            "700": "#07513f",
            "800": "#0a4536",
            "900": "#0a392d",
            "950": "#06251c",
        },
    },
    "DASHBOARD_CALLBACK": "installs.admin.dashboard.callback",
    "COMMAND": {"search_callback": "installs.admin.palette.search"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "installs.admin.palette.navigation",
    },
    "ACCOUNT": {
        "navigation": [{"title": "Second factor", "link": "/admin/second-factor/"}],
    },
}
