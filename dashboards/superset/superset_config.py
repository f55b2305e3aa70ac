"""Configuration of Superset; runs in Superset's own environment, so it imports nothing of the platform.

`SUPERSET_HOME` is `EDU_HOME/superset`. Passwords of PostgreSQL's roles stand nowhere in Superset: libpq takes them from
the password file of `edu serve`. Nothing is fetched from a network: pages may load from this server alone.
"""

import os
from pathlib import Path

ROOT = Path(os.environ["SUPERSET_HOME"])
os.environ["PGPASSFILE"] = str(ROOT.parent / "serving" / "pgpass")

APP_NAME = "荆州教育大数据平台 · 分析"
SECRET_KEY = (ROOT / "secret_key").read_text(encoding="utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{ROOT / 'superset.db'}"
BABEL_DEFAULT_LOCALE = "zh"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}, "en": {"flag": "us", "name": "English"}}
DEFAULT_TIME_ZONE = "Asia/Shanghai"

# Nobody is let in without a password, nobody makes an account for themselves.
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PREVENT_UNSAFE_DB_CONNECTIONS = True
SHOW_STACKTRACE = False
ENABLE_CORS = False
RATELIMIT_STORAGE_URI = "memory://"

FEATURE_FLAGS = {"ALERT_REPORTS": False, "EMBEDDED_SUPERSET": False, "ENABLE_TEMPLATE_PROCESSING": False}
# Figures are read when they are looked at: a version that was published is seen at once.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 65

# Superset's pages carry a picture of a foreign counter that no setting turns off: browsers are told to load nothing that
# is not this server's, so they do not ask for it.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
