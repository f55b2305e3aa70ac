"""Agreement of name, birth and guardian between a temporary and a final roll number, seen beside the vault.

An L or J number (学籍号 without a confirmed ID number) and the G number that follows it are one child's where name, date of birth
and guardian agree (dirty-data catalogue class 16). Each landing writes keyed hashes of them beside the vault, encrypted; what
leaves the vault is one `link_evidence` record a pair: two pseudonyms and three booleans. Nothing is compared by likeness.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb

from edu import runs
from edu.clock import now
from edu.contract import Contract
from edu.duck import connect
from edu.keyed_hash import BLOCK_BYTES
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.pseudonym import PlatformKey
from edu.settings import get_settings
from ingest.lake import copy_to
from ingest.readers.table import literal

FIELDS = ("name", "birth_date", "guardian_name", "guardian_phone", "xjh")
FILE_KEY = "match"
OPENED = f", encryption_config = {{footer_key: '{FILE_KEY}'}}"
"""What `read_parquet` needs for a file of hashes, on a connection that has the key."""
FINAL_LETTER = "G"
NORMAL = "upper(regexp_replace({text}, '[\\s·•．.]', '', 'g'))"


def has_match(contract: Contract) -> bool:
    """Whether a dataset's rows can be matched: it has all the fields that must agree."""
    return set(FIELDS) <= {field.name for field in contract.fields}


def match_path(home: Home, batch_id: str) -> Path:
    """Return where the hashes of a batch are."""
    return home.vault / "match" / f"{batch_id}.parquet"


def use_file_key(connection: duckdb.DuckDBPyConnection, key: PlatformKey) -> None:
    """Let a connection (httpfs loaded) read and write files of hashes."""
    # Parquet encryption takes a key of 16, 24 or 32 characters; half of the digest's text is 128 bits.
    connection.execute(f"pragma add_parquet_key('{FILE_KEY}', '{key.derive('match-file').hex()[:32]}')")


def _mac(text: str) -> str:
    """Return SQL of HMAC-SHA256 (RFC 2104) of a text, its first 128 bits; the padded keys stand in `match_key`."""
    return f"left(sha256(outer_pad || unhex(sha256(inner_pad || encode({text})))), 32)"


def write_match(connection: duckdb.DuckDBPyConnection, home: Home, key: PlatformKey, batch_id: str) -> None:
    """Write the hashes of a batch's accepted rows to `vault/match/<batch_id>.parquet`, encrypted, mode 0600.

    `connection` (httpfs loaded) has the tables `accepted` and `keyed` of the batch. The key never stands in a
    statement's text, where an error could show it.
    """
    secret = key.derive("match").ljust(BLOCK_BYTES, b"\0")
    connection.execute(
        "create or replace temp table match_key as select ?::blob as inner_pad, ?::blob as outer_pad",
        [bytes(byte ^ 0x36 for byte in secret), bytes(byte ^ 0x5C for byte in secret)],
    )
    use_file_key(connection, key)
    person = NORMAL.format(text="a.name") + " || chr(31) || strftime(a.birth_date, '%Y%m%d')"
    guardian = NORMAL.format(text="a.guardian_name") + " || chr(31) || a.guardian_phone"
    path = match_path(home, batch_id)
    path.parent.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    copy_to(
        connection,
        f"""
        select k.k_xjh as roll_key, left(a.xjh, 1) = {literal(FINAL_LETTER)} as is_final,
            {_mac(person)} as person_hash, {_mac(guardian)} as guardian_hash
        from accepted as a
        inner join keyed as k on k.row_id = a.row_id
        cross join match_key
        where k.k_xjh is not null and a.name is not null and a.birth_date is not null
        """,
        path,
        f", encryption_config {{footer_key: '{FILE_KEY}'}}",
    )
    path.chmod(0o600)
    connection.execute("drop table match_key")


def record_links(home: Home, key: PlatformKey) -> int:
    """Compare temporary with final roll numbers over all landings; record the pairs that are new; return how many.

    A landing writes its hashes before it compares, so of two that run side by side at least one sees both.
    """
    if not any((home.vault / "match").glob("*.parquet")):
        return 0
    runs.ensure_empty(home)
    with connect(extensions=("httpfs",), memory_limit=get_settings().landing_memory_limit) as connection:
        use_file_key(connection, key)
        rows = connection.execute(
            f"""
            with hashed as (
                select * from read_parquet('{home.vault}/match/*.parquet'{OPENED})
            ),
            pair as (
                select early.roll_key as left_key, late.roll_key as right_key,
                    coalesce(bool_or(early.guardian_hash = late.guardian_hash), false) as is_guardian_equal
                from hashed as early
                inner join hashed as late on late.person_hash = early.person_hash and late.is_final
                where not early.is_final
                group by early.roll_key, late.roll_key
            )
            select left_key, right_key, true, true, is_guardian_equal from pair
            except
            select left_key, right_key, true, true, is_guardian_equal
            from read_parquet('{home.runs}/link_evidence/*.parquet')
            order by all
            """
        ).fetchall()
    if not rows:
        return 0
    recorded_at = now()
    names = ("left_key", "right_key", "is_name_equal", "is_birth_date_equal", "is_guardian_equal")
    records: list[dict[str, object]] = [
        {**dict(zip(names, row, strict=True)), "recorded_at": recorded_at} for row in rows
    ]
    runs.append(home, "link_evidence", "e" + hashlib.sha256(repr(rows).encode()).hexdigest()[:23], records)
    return len(records)
