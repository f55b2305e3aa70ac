"""OpenLineage events: a file by default, an endpoint by setting, and never a reason for a job to fail."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from edu import lineage
from edu.paths import Home
from edu.settings import get_settings


def events(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home.logs / "openlineage.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_job_starts_and_completes_with_what_it_read_and_wrote(edu_home: Home) -> None:
    with lineage.running(edu_home, "collect.student", ["submission.s1"], ["lake.student"]) as job:
        job.rows["lake.student"] = 3
    start, complete = events(edu_home)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert complete["job"] == {"facets": {}, "namespace": "edu-platform", "name": "collect.student"}
    assert [item["name"] for item in complete["inputs"]] == ["submission.s1"]
    [output] = complete["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_a_failure_tells_its_kind_and_not_its_message(edu_home: Home) -> None:
    with pytest.raises(ValueError, match="李明"), lineage.running(edu_home, "dbt.storage"):
        raise ValueError("李明 420103")
    assert [event["eventType"] for event in events(edu_home)] == ["START", "FAIL"]
    text = (edu_home.logs / "openlineage.jsonl").read_text(encoding="utf-8")
    assert "ValueError" in text
    assert "420103" not in text


def test_an_endpoint_gets_the_events(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[dict[str, Any]] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("EDU_OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_address[1]}")
    get_settings.cache_clear()
    try:
        with lineage.running(edu_home, "publish", ["visualization.headline"]) as job:
            job.outputs = ["published.edu_1.0.0"]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert [event["eventType"] for event in posted] == ["START", "COMPLETE"]
    assert posted[1]["outputs"][0]["name"] == "published.edu_1.0.0"
    assert not (edu_home.logs / "openlineage.jsonl").exists()


def test_an_endpoint_that_does_not_answer_stops_nothing(edu_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDU_OPENLINEAGE_URL", "http://127.0.0.1:9")
    get_settings.cache_clear()
    with lineage.running(edu_home, "publish") as job:
        job.outputs = ["published.edu_1.0.0"]
