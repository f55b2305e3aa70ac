"""Requests and decisions, append-only under `runs/`: without an open approval no package can be built."""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from edu import audit, runs
from edu.clock import now
from edu.errors import EduError, ExitCode
from edu.paths import Home
from warehouse import built
from warehouse.serving.access import COUNTY, SCHOOL, logins

RECEIVER = re.compile(r"[a-z][a-z0-9_]{1,30}")
ORGANISATION = re.compile(r"\d{6}|\d{10}|S\d{10}")
NOT_SHARED = "不予共享"


class ShareRequestError(EduError):
    """A request asks for what the catalog does not offer, or is not complete."""

    exit_code = ExitCode.USAGE


class ShareRefusedError(EduError):
    """There is no open approval; says why."""

    exit_code = ExitCode.REJECTED

    def __init__(self, request_id: str, why: str) -> None:
        self.request_id = request_id
        super().__init__(f"request {request_id}: {why}. Nothing was built; ask for a decision: edu share decide.")


@dataclass(frozen=True)
class Item:
    """One item of the catalog."""

    item_id: str
    item_name: str
    sharing_kind: str
    schema_name: str | None
    table_name: str | None
    fields: tuple[str, ...]
    count_column: str | None
    part_columns: tuple[str, ...]
    blank_columns: tuple[str, ...]
    dims: tuple[str, ...]
    by_columns: tuple[str, ...]
    cell_columns: tuple[str, ...]
    basis: str
    cycle: str | None
    owner_office: str


@dataclass(frozen=True)
class Request:
    """One request, with the decision that counts now."""

    request_id: str
    item_id: str
    receiver: str
    scope_org: str | None
    purpose: str
    fields: tuple[str, ...]
    period: str | None
    expires_on: date
    requested_by: str
    recorded_at: datetime
    decision: str
    """waiting, approved, refused or revoked."""

    def state(self, today: date) -> str:
        """Return waiting, open, expired, refused or revoked."""
        if self.decision != "approved":
            return self.decision
        return "open" if today <= self.expires_on else "expired"


def catalog(home: Home) -> dict[str, Item]:
    """Return the items of `management.share_catalog`.

    Raises:
        WarehouseError, BusyError: nothing is built, or it is being built.
    """
    names = list(Item.__dataclass_fields__)
    with built.opened(home) as connection:
        rows = connection.execute(
            f"select {', '.join(names)} from management.share_catalog order by item_id"
        ).fetchall()
    found = {}
    for row in rows:
        known = dict(zip(names, row, strict=True))
        for name in ("fields", "part_columns", "blank_columns", "dims", "by_columns", "cell_columns"):
            known[name] = tuple((known[name] or "").split())
        found[known["item_id"]] = Item(**known)
    return found


def organisations(warehouse: duckdb.DuckDBPyConnection, org: str) -> list[str]:
    """Return the school ids and codes that belong to an organisation: those that it manages, or the school itself."""
    for login in logins(warehouse):
        if login.group in (COUNTY, SCHOOL) and org in login.orgs and (login.group == SCHOOL or login.orgs[0] == org):
            return list(login.orgs)
    raise ShareRequestError(f"organisation {org} manages no school and is none.")


def request(
    home: Home,
    *,
    item_id: str,
    receiver: str,
    purpose: str,
    fields: list[str],
    expires_on: date,
    requested_by: str,
    scope_org: str | None = None,
    period: str | None = None,
) -> str:
    """Record a request; return its id.

    Raises:
        ShareRequestError: the item is not shared, a field is not offered, or a part is missing or not of its form.
        WarehouseError, BusyError: nothing is built, or it is being built.
    """
    item = catalog(home).get(item_id)
    if item is None:
        raise ShareRequestError(f"item {item_id!r} is not in the catalog; edu share items lists it.")
    if item.sharing_kind == NOT_SHARED or item.table_name is None:
        raise ShareRequestError(f"item {item_id} is not shared ({item.basis}).")
    unknown = [name for name in fields if name not in item.fields]
    if unknown or not fields:
        raise ShareRequestError(f"{item_id} offers {', '.join(item.fields)}; not {', '.join(unknown) or 'nothing'}.")
    if not RECEIVER.fullmatch(receiver):
        raise ShareRequestError("--receiver is a short name in small letters, digits and _, e.g. health_bureau.")
    if scope_org is not None and not ORGANISATION.fullmatch(scope_org):
        raise ShareRequestError("--org is the 6 digits of a county or the 10 digits of a school.")
    if item.schema_name == "oneroster" and (scope_org is None or period is None):
        raise ShareRequestError(f"{item_id} is a bundle of one organisation and term: give --org and --period.")
    if scope_org is not None and item.schema_name != "oneroster":
        with built.opened(home) as warehouse:
            organisations(warehouse, scope_org)
    if not purpose.strip() or not requested_by.strip():
        raise ShareRequestError("--purpose and --by are needed: what the data are for and who asks.")
    if expires_on < now().date():
        raise ShareRequestError(f"--expires {expires_on} is over already.")
    request_id = f"r{uuid.uuid4().hex[:12]}"
    record: dict[str, object] = {
        "request_id": request_id,
        "item_id": item_id,
        "receiver": receiver,
        "scope_org": scope_org,
        "purpose": purpose,
        "fields": " ".join(name for name in item.fields if name in fields),
        "period": period,
        "expires_on": expires_on,
        "requested_by": requested_by,
        "recorded_at": now(),
    }
    audit.append(home, "share.request", requested_by, purpose, request_id, {"item": item_id, "receiver": receiver})
    runs.append(home, "share_request", request_id, [record])
    return request_id


def _rows(home: Home, kind: str) -> list[dict[str, Any]]:
    runs.ensure_empty(home)
    with duckdb.connect() as connection:
        cursor = connection.execute(
            f"select * from read_parquet('{home.runs}/{kind}/*.parquet', union_by_name = true) order by recorded_at, 1"
        )
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_requests(home: Home) -> list[Request]:
    """Return all requests, oldest first. A refusal or revocation is final; an approval is not over it."""
    decided: dict[str, set[str]] = {}
    for row in _rows(home, "share_decision"):
        decided.setdefault(row["request_id"], set()).add(row["decision"])
    found = []
    for row in _rows(home, "share_request"):
        made = decided.get(row["request_id"], set())
        decision = next((word for word in ("revoked", "refused", "approved") if word in made), "waiting")
        row["fields"] = tuple(row["fields"].split())
        found.append(Request(**row, decision=decision))
    return found


def read_releases(home: Home) -> list[dict[str, Any]]:
    """Return every package that left, oldest first, with what it was asked for: the log of releases."""
    asked = {known.request_id: known for known in read_requests(home)}
    return [
        row | {"item_id": asked[row["request_id"]].item_id, "purpose": asked[row["request_id"]].purpose}
        for row in _rows(home, "share_release")
    ]


def remove_ended(home: Home) -> int:
    """Remove from the outbox the packages whose approval is over or was revoked; return how many.

    What a receiver has fetched already is his to delete; what still lies here is not to be fetched.
    """
    today = now().date()
    state = {known.request_id: known.state(today) for known in read_requests(home)}
    removed = 0
    for release in read_releases(home):
        folder = home.outbox / f"share_{release['receiver']}" / release["release_id"]
        if state[release["request_id"]] != "open" and folder.is_dir():
            shutil.rmtree(folder)
            removed += 1
    return removed


def read_request(home: Home, request_id: str) -> Request:
    """Return one request.

    Raises:
        ShareRequestError: there is none of that id.
    """
    found = next((r for r in read_requests(home) if r.request_id == request_id), None)
    if found is None:
        raise ShareRequestError(f"request {request_id!r} is not known; edu share list shows all.")
    return found


def decide(home: Home, request_id: str, *, approve: bool, decided_by: str, reason: str) -> None:
    """Record the decision on a waiting request.

    Raises:
        ShareRequestError: it was decided already, or the one who asked decides.
    """
    wanted = read_request(home, request_id)
    if wanted.decision != "waiting":
        raise ShareRequestError(f"request {request_id} is {wanted.decision} already; make a new request.")
    if wanted.requested_by.strip() == decided_by.strip():
        raise ShareRequestError(f"request {request_id}: who asks does not decide; another person must.")
    _record(home, request_id, "approved" if approve else "refused", decided_by, reason)


def revoke(home: Home, request_id: str, *, revoked_by: str, reason: str) -> None:
    """End an approval before its time; packages of it that still lie in the outbox are removed.

    Raises:
        ShareRequestError: it is not approved.
    """
    wanted = read_request(home, request_id)
    if wanted.decision != "approved":
        raise ShareRequestError(f"request {request_id} is {wanted.decision}; only an approval can be revoked.")
    _record(home, request_id, "revoked", revoked_by, reason)
    remove_ended(home)


def _record(home: Home, request_id: str, decision: str, by: str, reason: str) -> None:
    audit.append(home, f"share.{decision}", by, reason, request_id)
    decision_id = f"d{uuid.uuid4().hex[:12]}"
    record = {
        "decision_id": decision_id,
        "request_id": request_id,
        "decision": decision,
        "reason": reason,
        "decided_by": by,
        "recorded_at": now(),
    }
    runs.append(home, "share_decision", decision_id, [record])


def open_request(home: Home, request_id: str) -> Request:
    """Return a request that is approved and not over.

    Raises:
        ShareRefusedError: it is waiting, refused, revoked or expired.
    """
    wanted = read_request(home, request_id)
    state = wanted.state(now().date())
    if state != "open":
        raise ShareRefusedError(request_id, f"the approval is {state}" if state == "expired" else f"it is {state}")
    return wanted
