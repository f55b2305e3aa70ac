"""Superset of `make bi`: every chart answers over its role's connection, an analyst stays within her role, pages are drawn."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from tests_city import City

from dashboards.superset.board import read_boards
from dashboards.superset.bundle import Connection
from dashboards.superset.install import environment, folder, read_passwords, serve_command, set_up
from edu.commands.bi import connections
from edu.settings import PROJECT_ROOT, get_settings
from warehouse.publish import publish
from warehouse.serving import serve_postgres
from warehouse.serving.roles import read_password
from warehouse.serving.server import Embedded, target_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
COUNTY, COUNTY_ROLE = "421002", "county_analyst_421002"
OTHER_COUNTY_ROLE = "county_analyst_421024"
ROLES = ("bureau_analyst", COUNTY_ROLE, OTHER_COUNTY_ROLE, "public_reader")
START_SECONDS = 240
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE_MS = 240_000
SETTLE_MS = 1_500
LOGINS = 3
DRAWN = """() => {
    const charts = [...document.querySelectorAll('.dashboard-component-chart-holder')];
    return charts.length > 0 && charts.every(chart => chart.querySelector('canvas, table, .header-line'))
        && !document.querySelector('.loading, [data-test=loading-indicator]');
}"""
"""Whether every chart of a board has its picture, table or number."""
PICTURES = os.environ.get("EDU_TEST_PICTURES")
"""Folder for pictures that are to be looked at; a temporary one otherwise."""


def bi_venv() -> Path:
    venv = Path(os.environ.get("EDU_BI_VENV", PROJECT_ROOT / ".venv-bi"))
    if not (venv / "bin" / "superset").exists():
        pytest.fail(f"Superset is not installed in {venv}; make test-bi installs it")
    return venv


def some(all_of_them: list[Connection]) -> list[Connection]:
    """Return a connection of each kind and a second county; the other counties' are like them and take their time."""
    return [known for known in all_of_them if known.role in ROLES]


@dataclass
class Superset:
    """A running Superset, and the installation below it."""

    city: City
    url: str


@pytest.fixture(scope="module")
def superset(clean_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    city = clean_city.copy(tmp_path_factory.mktemp("bi"))
    patch = pytest.MonkeyPatch()
    patch.setenv("EDU_HOME", str(city.home.root))
    get_settings.cache_clear()
    publish(city.home)
    serve_postgres(city.home)
    server: subprocess.Popen[bytes] | None = None
    try:
        set_up(city.home, bi_venv(), some(connections(city.home)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (folder(city.home) / "server.log").open("wb") as log:
            server = subprocess.Popen(
                serve_command(bi_venv(), port), env=environment(city.home), stdout=log, stderr=log, cwd=city.home.root
            )
        wait_until_up(f"http://127.0.0.1:{port}/health", server)
        yield Superset(city, f"http://127.0.0.1:{port}")
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=60)
        Embedded(city.home).stop()
        patch.undo()
        get_settings.cache_clear()


def wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, "Superset ended while it started"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(1)
    pytest.fail(f"Superset was not up within {START_SECONDS} s")


@dataclass
class Session:
    """A user who is logged in to Superset's own API."""

    superset: Superset
    user: str
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        password = read_passwords(self.superset.city.home)[self.user]
        login = {"username": self.user, "password": password, "provider": "db", "refresh": False}
        _, answer = self.call("POST", "/api/v1/security/login", login)
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        _, token = self.call("GET", "/api/v1/security/csrf_token/")
        self.headers |= {"X-CSRFToken": token["result"], "Referer": self.superset.url}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({} if data is None else {"Content-Type": "application/json"})
        request = urllib.request.Request(self.superset.url + path, data, headers, method=method)
        try:
            with self.opener.open(request, timeout=120) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                return error.code, json.loads(text)
            except json.JSONDecodeError:
                return error.code, {"text": text[:500].decode(errors="replace")}

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return everything of a kind that the user may see."""
        found: list[dict[str, Any]] = []
        while True:
            status, page = self.call("GET", f"/api/v1/{kind}/?q=(page:{len(found) // 100},page_size:100)")
            assert status == 200, page
            found += page["result"]
            if len(found) >= page["count"] or not page["result"]:
                return found

    def run(self, sql: str) -> tuple[int, Any]:
        """Run a statement in SQL Lab over the user's own connection."""
        databases = self.all("database")
        own = next(item["id"] for item in databases if self.user in item["database_name"])
        body = {"database_id": own, "sql": sql, "schema": "query", "runAsync": False, "queryLimit": 10_000}
        return self.call("POST", "/api/v1/sqllab/execute/", body)


@pytest.fixture(scope="module")
def county(superset: Superset) -> Session:
    return Session(superset, COUNTY_ROLE)


@pytest.fixture(scope="module")
def bureau(superset: Superset) -> Session:
    return Session(superset, "bureau_analyst")


def answer_of(session: Session, chart: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a chart, by the query that is saved with it."""
    status, answer = session.call("GET", f"/api/v1/chart/{chart['id']}/data/")
    assert status == 200, (chart["slice_name"], answer)
    (result,) = answer["result"]
    assert result["status"] == "success", (chart["slice_name"], result.get("error"))
    rows: list[dict[str, Any]] = result["data"]
    return rows


def served(superset: Superset, role: str, sql: str) -> list[tuple[Any, ...]]:
    """Return the answer of PostgreSQL itself to a role."""
    target = target_of(superset.city.home)
    password = read_password(superset.city.home, target, role)
    known = dict(target.parameters) | {"user": role, "password": str(password)}
    with psycopg.connect("", **known) as connection:  # type: ignore[arg-type]
        return connection.execute(sql).fetchall()  # type: ignore[arg-type]


@pytest.mark.parametrize("user", ["bureau_analyst", COUNTY_ROLE, "public_reader"])
def test_every_chart_of_a_role_answers(superset: Superset, user: str) -> None:
    session = Session(superset, user)
    group = user.split("_")[0]
    boards = [board for board in read_boards() if group in board.groups]
    charts = session.all("chart")
    # A role sees its own boards and no other's, with every chart that they declare.
    assert sorted(item["dashboard_title"] for item in session.all("dashboard")) == sorted(b.title for b in boards)
    declared = [chart.name for board in boards for chart in board.charts if group in (chart.groups or board.groups)]
    assert sorted(chart["slice_name"] for chart in charts) == sorted(declared)
    empty = [chart["slice_name"] for chart in charts if not answer_of(session, chart)]
    assert empty == []


def of_truth(city: City, table: str, sql: str) -> Any:
    with duckdb.connect() as connection:
        row = connection.execute(sql.format(f"read_csv('{city.out}/truth/world/{table}.csv')")).fetchone()
    assert row is not None
    return row


def test_figures_are_the_true_ones(superset: Superset, bureau: Session) -> None:
    charts = {chart["slice_name"]: chart for chart in bureau.all("chart")}
    year = "school_year = (select max(school_year) from {0}) and term = 1"
    (pupils,) = of_truth(superset.city, "analysis.enrolment", f"select sum(pupils)::bigint from {{0}} where {year}")
    assert answer_of(bureau, charts["在校生"]) == [{"pupils": pupils}]
    (teachers, of_teachers) = of_truth(
        superset.city,
        "analysis.staffing",
        "select sum(full_time_teachers)::bigint, round(100.0 * sum(higher_qualified_teachers) / sum(full_time_teachers), 6) "
        f"from {{0}} where {year}",
    )
    assert answer_of(bureau, charts["专任教师"]) == [{"full_time_teachers": teachers}]
    (share,) = answer_of(bureau, charts["高于规定学历比例"])
    assert float(share["higher_qualified_share"]) == pytest.approx(float(of_teachers), abs=1e-6)


def test_a_chart_says_what_its_role_is_served(superset: Superset, county: Session) -> None:
    charts = {chart["slice_name"]: chart for chart in county.all("chart")}
    expected = served(
        superset,
        COUNTY_ROLE,
        "select division_name, stage_name, sum(pupils) from query.enrolment where term = 1 and school_year = "
        "(select max(school_year) from query.enrolment where term = 1) group by 1, 2",
    )
    found = answer_of(county, charts["各县(市、区)在校生"])
    assert {(r["division_name"], r["stage_name"], r["pupils"]) for r in found} == set(expected)
    whole = served(superset, "bureau_analyst", "select count(distinct school_id) from query.enrolment")
    own = served(superset, COUNTY_ROLE, "select count(distinct school_id) from query.enrolment")
    assert 0 < own[0][0] < whole[0][0]


def test_labels_are_those_of_the_catalog(superset: Superset, bureau: Session) -> None:
    datasets = {item["table_name"]: item["id"] for item in bureau.all("dataset")}
    (number,) = [number for name, number in datasets.items() if "query.enrolment" in name or "在校生" in name][:1]
    _, answer = bureau.call("GET", f"/api/v1/dataset/{number}")
    table = answer["result"]
    name = table["description"].split(":")[0]
    expected = served(
        superset,
        "bureau_analyst",
        "select column_name, label_zh from serving.column_catalog "
        f"where schema_name || '.' || table_name = '{name}' order by 1",
    )
    shown = {c["column_name"]: c["verbose_name"] for c in table["columns"]}
    assert {column: shown[column] for column, _ in expected} == dict(expected)


def test_sql_lab_stays_within_the_role(superset: Superset, county: Session) -> None:
    status, answer = county.run("select distinct managing_org from query.school")
    assert status == 200, answer
    assert answer["data"] == [{"managing_org": COUNTY}]
    status, answer = county.run("select count(*) as n from query.student")
    assert status == 200
    (expected,) = served(superset, COUNTY_ROLE, "select count(*) from query.student")
    assert answer["data"] == [{"n": expected[0]}]
    assert expected[0] > 0


WRITES = [
    "create table query.mine as select 1 as x",
    "create temporary table mine as select 1 as x",
    "insert into query.school (school_id) values ('S1')",
    "update query.school set pupils = 0",
    "delete from query.school",
    "drop table query.school",
    "truncate query.school",
    "copy (select 1) to '/tmp/superset-was-here'",
    "do $$ begin perform 1; end $$",
    "select 1; delete from query.school",
    "with gone as (delete from query.school returning *) select * from gone",
]


@pytest.mark.parametrize("statement", WRITES)
def test_sql_lab_cannot_write(county: Session, statement: str) -> None:
    status, answer = county.run(statement)
    assert status >= 400, answer
    status, answer = county.run("select count(*) as n from query.school")
    assert status == 200
    assert answer["data"][0]["n"] > 0


def test_a_user_has_one_connection(superset: Superset, county: Session) -> None:
    assert [COUNTY_ROLE in item["database_name"] for item in county.all("database")] == [True]
    everything = Session(superset, "admin").all("database")
    other = next(item["id"] for item in everything if OTHER_COUNTY_ROLE in item["database_name"])
    # Superset says of another's connection that it does not know it.
    for session, database in ((county, other), (reader := Session(superset, "public_reader"), other)):
        status, answer = session.call("POST", "/api/v1/sqllab/execute/", {"database_id": database, "sql": "select 1"})
        assert status >= 400
        assert "data" not in answer
    new = {"database_name": "x", "sqlalchemy_uri": "postgresql://x"}
    assert county.call("POST", "/api/v1/database/", new)[0] == 403
    own = reader.all("database")[0]["id"]
    assert reader.call("POST", "/api/v1/sqllab/execute/", {"database_id": own, "sql": "select 1"})[0] == 403


def test_secrets_are_closed_and_nowhere_else(superset: Superset) -> None:
    root = superset.city.home.root / "superset"
    assert root.stat().st_mode & 0o777 == 0o700
    for name in ("secret_key", "passwords.json"):
        assert (root / name).stat().st_mode & 0o777 == 0o600
    target = target_of(superset.city.home)
    secrets = [str(read_password(superset.city.home, target, COUNTY_ROLE)), (root / "secret_key").read_text().strip()]
    secrets += read_passwords(superset.city.home).values()
    kept = {"secret_key", "passwords.json"}
    for path in [p for p in root.rglob("*") if p.is_file() and p.name not in kept]:
        content = path.read_bytes()
        assert [path.name for secret in secrets if secret.encode() in content] == []


def test_setting_up_again_changes_nothing(superset: Superset) -> None:
    admin = Session(superset, "admin")
    before = {kind: len(admin.all(kind)) for kind in ("database", "dataset", "chart", "dashboard")}
    passwords = read_passwords(superset.city.home)
    set_up(superset.city.home, bi_venv(), some(connections(superset.city.home)))
    assert {kind: len(admin.all(kind)) for kind in before} == before
    assert read_passwords(superset.city.home) == passwords


def log_in(page: Page, superset: Superset, user: str) -> None:
    """Log in by the form, again where the session was lost.

    Superset's login page sends a log of its own; where that is answered after the login, the cookie of the stranger
    that comes with the answer takes the place of the session. A form that is filled in no time meets it.
    """
    for _ in range(LOGINS):
        page.goto(f"{superset.url}/login/", wait_until="networkidle", timeout=PAGE_MS)
        if "/login" in page.url:
            page.fill("#username", user)
            page.fill("#password", read_passwords(superset.city.home)[user])
            page.press("#password", "Enter")
            page.wait_for_url(lambda url: "/login" not in url, timeout=PAGE_MS)
        page.wait_for_load_state("networkidle", timeout=PAGE_MS)
        if page.request.get(f"{superset.url}/api/v1/me/").status == 200:
            return
    pytest.fail(f"{user} is logged out again after each of {LOGINS} logins")


@pytest.mark.parametrize("user", ["bureau_analyst", COUNTY_ROLE, "public_reader"])
def test_boards_are_drawn(superset: Superset, user: str, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.fail("no Chromium on the PATH; install it to open the boards (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    pictures = Path(PICTURES) if PICTURES else tmp_path
    dashboards = Session(superset, user).all("dashboard")
    assert dashboards
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        # As tall as the longest board, so that every chart is in sight and drawn.
        context = browser.new_context(viewport={"width": 1600, "height": 3000}, locale="zh-CN")
        page = context.new_page()
        foreign: set[str] = set()
        blocked: set[str] = set()
        failed: list[str] = []
        page.on(
            "request", lambda r: foreign.add(r.url) if not r.url.startswith((superset.url, "data:", "blob:")) else None
        )
        page.on("requestfailed", lambda r: blocked.add(r.url) if r.failure == "csp" else None)
        page.on("response", lambda r: failed.append(r.url) if "/chart/data" in r.url and r.status >= 400 else None)
        log_in(page, superset, user)
        for board in dashboards:
            page.goto(f"{superset.url}{board['url']}?standalone=1", timeout=PAGE_MS)
            page.wait_for_function(DRAWN, timeout=PAGE_MS)
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=pictures / f"{user}-{board['slug']}.png")
            errors = page.locator(".ant-alert-error, [data-test=error-message]").all_inner_texts()
            assert errors == [], board["dashboard_title"]
        browser.close()
    # Superset's own pages ask for a counter elsewhere; the policy that is sent with them keeps browsers from it.
    assert foreign <= blocked
    assert failed == []
