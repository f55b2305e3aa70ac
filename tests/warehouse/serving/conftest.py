"""An embedded PostgreSQL of its own for each module, with the small city loaded and a password for every role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from small_city import make

from edu.paths import Home, get_home
from edu.settings import get_settings
from warehouse.serving import serve_postgres
from warehouse.serving.roles import list_roles, read_password, set_password
from warehouse.serving.server import Embedded, target_of

Connect = Callable[[str], psycopg.Connection]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    patch = pytest.MonkeyPatch()
    patch.setenv("EDU_HOME", str(tmp_path_factory.mktemp("serving")))
    get_settings.cache_clear()
    found = get_home().ensure()
    make(found)
    try:
        serve_postgres(found)
        for role in list_roles(target_of(found)):
            set_password(found, target_of(found), role.name)
        yield found
    finally:
        Embedded(found).stop()
        patch.undo()
        get_settings.cache_clear()


@pytest.fixture(scope="module")
def connect(home: Home) -> Connect:
    target = target_of(home)

    def as_role(role: str) -> psycopg.Connection:
        password = read_password(home, target, role)
        known = dict(target.parameters) | {"user": role, "password": str(password)}
        return psycopg.connect("", autocommit=True, **known)  # type: ignore[arg-type]

    return as_role
