"""Alerts reach a file, a group robot and a mailbox; one that does not answer stops nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from edu import alerts, pipeline
from edu.paths import Home
from edu.settings import get_settings
from expectations.gate import GateReport

LINES = ["storage.fct_enrolment_snapshot volume_of_the_city (unexpected_count 1)"]


class Robot(BaseHTTPRequestHandler):
    """Keeps what was posted."""

    posted: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Postbox(socketserver.StreamRequestHandler):
    """Speaks enough of SMTP (RFC 5321) to take one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part.decode())
                self.server.mails.append("".join(lines))  # type: ignore[attr-defined]
                self.wfile.write(b"250 taken\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def robot() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Robot)
    server.posted = []  # type: ignore[attr-defined]
    server.answer = b'{"errcode":0}'  # type: ignore[attr-defined]
    with serving(server):
        yield server


def configure(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"EDU_{name.upper()}", value)
    get_settings.cache_clear()


def test_without_settings_an_alert_is_a_line_of_a_file(edu_home: Home) -> None:
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]
    [line] = (edu_home.logs / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    content = json.loads(line)
    assert (content["kind"], content["subject"], content["lines"]) == ("gate_failed", "storage", LINES)


@pytest.mark.parametrize("form", ["wecom", "dingtalk", "plain"])
def test_robots_get_their_own_shape(
    edu_home: Home, robot: HTTPServer, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    url = f"http://127.0.0.1:{robot.server_address[1]}/send?key=k"
    configure(monkeypatch, alert_webhook_url=url, alert_webhook_form=form)
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file", "webhook"]
    [(path, body)] = robot.posted  # type: ignore[attr-defined]
    content = json.loads(body)
    assert path == "/send?key=k"
    if form == "plain":
        assert content["lines"] == LINES
        return
    assert content["msgtype"] == "markdown"
    markdown = content["markdown"]
    assert set(markdown) == ({"content"} if form == "wecom" else {"title", "text"})
    text = markdown["content"] if form == "wecom" else markdown["text"]
    assert "质量门未通过" in text
    assert LINES[0] in text


def test_a_dingtalk_robot_with_a_secret_gets_a_signature(
    edu_home: Home, robot: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{robot.server_address[1]}/send?access_token=t"
    configure(monkeypatch, alert_webhook_url=url, alert_webhook_form="dingtalk", alert_webhook_secret="SECkey")
    alerts.send(edu_home, "task_failed", "build_warehouse.seed", ["DbtError"])
    query = parse_qs(urlsplit(robot.posted[0][0]).query)  # type: ignore[attr-defined]
    stamp = query["timestamp"][0]
    wanted = hmac.new(b"SECkey", f"{stamp}\nSECkey".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(wanted).decode()]


@pytest.mark.parametrize("form", ["wecom", "dingtalk"])
@pytest.mark.parametrize(
    "answer",
    [b'{"errcode":93000,"errmsg":"invalid webhook url"}', b"not json", b"{}", b"[]", b"0", b"null", b"[" * 60000],
)
def test_a_robot_that_refuses_has_not_taken_the_message(
    edu_home: Home, robot: HTTPServer, monkeypatch: pytest.MonkeyPatch, form: str, answer: bytes
) -> None:
    robot.answer = answer  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{robot.server_address[1]}/send"
    configure(monkeypatch, alert_webhook_url=url, alert_webhook_form=form)
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]


def fail_gate(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a gate fail as it does where the city's volume collapsed."""
    report = GateReport("storage", failed_global=LINES)
    monkeypatch.setattr("expectations.gate.run_gate", lambda *_, **__: report)
    pipeline.run_named_gate("storage", home, home.warehouse)


def trip_breaker(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a gate hold a unit."""
    report = GateReport("collection", held_units=["student 2142000001 2024-2025/1: quarantined_share"])
    monkeypatch.setattr("expectations.gate.run_gate", lambda *_, **__: report)
    pipeline.run_named_gate("collection", home, home.warehouse)


def pass_deadline(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a due date pass with a unit missing."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema management")
        connection.execute(
            "create table management.expected_submission as select 'student' as dataset, '2024-2025/1' as period, "
            "current_date - 3 as due_date, '421002' as managing_org, 'missing' as status"
        )
    assert pipeline.alert_overdue(home) == 1


def lose_backup(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the nightly backup find no folder."""
    assert not pipeline.back_up(home)


@pytest.mark.parametrize(
    ("happen", "kind", "words"),
    [
        (fail_gate, "gate_failed", ("质量门未通过", LINES[0])),
        (trip_breaker, "breaker_tripped", ("报送单元被暂扣", "2142000001 2024-2025/1: quarantined_share")),
        (pass_deadline, "deadline_passed", ("报送已逾期", "421002: 1 个单位未报")),
        (lose_backup, "backup_missing", ("没有备份", "EDU_BACKUP_DIR")),
    ],
)
@pytest.mark.parametrize("form", ["wecom", "dingtalk"])
def test_what_happens_reaches_file_robot_and_mailbox(
    edu_home: Home,
    robot: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    happen: Callable[[Home, pytest.MonkeyPatch], None],
    kind: str,
    words: tuple[str, ...],
    form: str,
) -> None:
    postbox = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postbox)
    postbox.mails = []  # type: ignore[attr-defined]
    with serving(postbox) as port:
        configure(
            monkeypatch,
            alert_webhook_url=f"http://127.0.0.1:{robot.server_address[1]}/send",
            alert_webhook_form=form,
            smtp_host="127.0.0.1",
            smtp_port=str(port),
            smtp_to="steward@example.org",
        )
        happen(edu_home, monkeypatch)
    [(_, body)] = robot.posted  # type: ignore[attr-defined]
    [text] = postbox.mails  # type: ignore[attr-defined]
    [line] = (edu_home.logs / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    mail = message_from_string(text)
    written = str(make_header(decode_header(mail["Subject"]))) + mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert json.loads(line)["kind"] == kind
    for message in (json.dumps(json.loads(body), ensure_ascii=False), written, line):
        assert [word for word in words if word not in message] == []


def test_mail_arrives(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postbox)
    server.mails = []  # type: ignore[attr-defined]
    with serving(server) as port:
        configure(monkeypatch, smtp_host="127.0.0.1", smtp_port=str(port), smtp_to="steward@example.org")
        assert alerts.send(edu_home, "deadline_passed", "student 2024-2025/1", ["421002: 3 个单位未报"]) == [
            "file",
            "mail",
        ]
    [text] = server.mails  # type: ignore[attr-defined]
    mail = message_from_string(text)
    assert mail["To"] == "steward@example.org"
    assert "报送已逾期：student 2024-2025/1" in str(make_header(decode_header(mail["Subject"])))
    assert "421002: 3 个单位未报" in mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_a_channel_that_does_not_answer_stops_nothing(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Postbox) as closed:
        port = closed.server_address[1]
    configure(
        monkeypatch,
        alert_webhook_url=f"http://127.0.0.1:{port}/",
        smtp_host="127.0.0.1",
        smtp_port=str(port),
        smtp_to="x@example.org",
    )
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]
    configure(monkeypatch, alert_webhook_url="file:///etc/hostname")
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]


def test_the_same_alert_is_sent_once_until_it_changes(edu_home: Home) -> None:
    for lines in (["a"], ["a"], ["a", "b"], ["a"]):
        alerts.send_once(edu_home, "breaker_tripped", "collection", lines)
    sent = [json.loads(line)["lines"] for line in (edu_home.logs / "alerts.jsonl").read_text().splitlines()]
    assert sent == [["a"], ["a", "b"], ["a"]]


class Crier(socketserver.StreamRequestHandler):
    """Answers a request with what no web server says."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.wfile.write(b"hello, this is no HTTP\r\n\r\n")


def test_a_webhook_that_speaks_no_http_stops_nothing(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Crier)) as port:
        configure(monkeypatch, alert_webhook_url=f"http://127.0.0.1:{port}/")
        assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:port/", "http://127.0.0.1/a b", "http://[127.0.0.1/", "http:///x"])
def test_an_address_that_is_none_stops_nothing(edu_home: Home, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    configure(monkeypatch, alert_webhook_url=url)
    assert alerts.send(edu_home, "gate_failed", "storage", LINES) == ["file"]


def test_a_channel_that_failed_gets_the_alert_the_next_time_and_the_others_do_not(
    edu_home: Home, robot: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, alert_webhook_url=f"http://127.0.0.1:{robot.server_address[1]}/", alert_webhook_form="wecom")
    robot.answer = b'{"errcode":45009,"errmsg":"api freq out of limit"}'  # type: ignore[attr-defined]
    overdue = ("deadline_passed", "student 2024-2025/1", ["421002: 3"])
    assert alerts.send_once(edu_home, *overdue) == ["file"]
    assert alerts.send_once(edu_home, *overdue) == []
    robot.answer = b'{"errcode":0}'  # type: ignore[attr-defined]
    assert alerts.send_once(edu_home, *overdue) == ["webhook"]
    assert alerts.send_once(edu_home, *overdue) == []
    assert len((edu_home.logs / "alerts.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert len(robot.posted) == 3  # type: ignore[attr-defined]


def test_what_was_sent_before_channels_were_told_apart_is_not_sent_again(edu_home: Home) -> None:
    digest = hashlib.sha256(b"421002: 3").hexdigest()
    (edu_home.logs / "alerts-sent.json").write_text(json.dumps({"deadline_passed student p": digest}), encoding="utf-8")
    assert alerts.send_once(edu_home, "deadline_passed", "student p", ["421002: 3"]) == []
    assert alerts.send_once(edu_home, "deadline_passed", "student p", ["421002: 2"]) == ["file"]


def test_a_long_list_is_cut_and_says_so() -> None:
    alert = alerts.Alert("breaker_tripped", "collection", tuple(f"unit {i}" for i in range(25)), "2024-10-01T08:00:00")
    assert "unit 19" in alert.text
    assert "unit 20" not in alert.text
    assert "另有 5 项" in alert.text


def alerts_of(home: Home) -> list[str]:
    return [json.loads(line)["kind"] for line in (home.logs / "alerts.jsonl").read_text("utf-8").splitlines()]


def test_a_unit_that_is_held_again_after_it_was_let_through_is_told_again(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip_breaker(edu_home, monkeypatch)
    trip_breaker(edu_home, monkeypatch)
    assert alerts_of(edu_home) == ["breaker_tripped"]
    monkeypatch.setattr("expectations.gate.run_gate", lambda *_, **__: GateReport("collection"))
    pipeline.run_named_gate("collection", edu_home, edu_home.warehouse)
    trip_breaker(edu_home, monkeypatch)
    assert alerts_of(edu_home) == ["breaker_tripped"] * 2


def test_a_deadline_that_was_met_and_is_missed_again_is_told_again(
    edu_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_deadline(edu_home, monkeypatch)
    for status, expected in (("missing", 1), ("arrived", 1), ("missing", 2)):
        with duckdb.connect(str(edu_home.warehouse)) as connection:
            connection.execute(f"update management.expected_submission set status = '{status}'")
        pipeline.alert_overdue(edu_home)
        assert alerts_of(edu_home) == ["deadline_passed"] * expected
