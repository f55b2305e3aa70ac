"""Agreement of name, birth and guardian between a temporary and a final roll number, seen beside the vault.

An L or J number (学籍号 without a confirmed ID number) and the G number that follows it are one child's where name, date of birth
and guardian agree (dirty-data catalogue class 16). Each landing writes keyed hashes of them beside the vault, encrypted; what
leaves the vault is one `link_evidence` record a pair: two pseudonyms and three booleans. Nothing is compared by likeness.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from edu import runs
from edu.clock import now
from edu.contract import Contract
from edu.duck import connect
from edu.paths import PRIVATE_DIR_MODE, Home
from edu.pseudonym import PlatformKey, keyed_hashes
from edu.settings import get_settings
from ingest.lake import copy_to
from ingest.readers.table import literal

log = logging.getLogger(__name__)

FIELDS = ("name", "birth_date", "guardian_name", "guardian_phone", "xjh")
FILE_KEY = "match"
OPENED = f", encryption_config = {{footer_key: '{FILE_KEY}'}}"
"""What `read_parquet` needs for a file of hashes, on a connection that has the key."""
FINAL_LETTER = "G"
PAIRS_MAXIMUM = 100
"""A name with a day of birth that more pairs of temporary and final numbers have stands for nobody: it is a placeholder,
or the file hides who its persons are. Of children of one name and day a whole city has a handful."""
MATCH_SCHEMA = pa.schema(
    [
        ("roll_key", pa.string()),
        ("is_final", pa.bool_()),
        ("person_hash", pa.string()),
        ("guardian_hash", pa.string()),
    ]
)
MATCH_COLUMNS = MATCH_SCHEMA.names


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


def text_columns() -> dict[str, str]:
    """Return, over `accepted`, SQL of what `hashes_of` needs of a row."""
    return {
        "m_person": f"{_normal('name')} || chr(31) || strftime(birth_date, '%Y%m%d')",
        "m_guardian": f"{_normal('guardian_name')} || chr(31) || guardian_phone",
        "m_is_final": f"left(xjh, 1) = {literal(FINAL_LETTER)}",
    }


def _normal(name: str) -> str:
    """Return SQL of a name in capitals, without what names are written with and without."""
    written = f"upper(regexp_replace({name}, '[\\s·•．.]', '', 'g'))"
    # Of common characters alone, as nearly all are, it is what it is.
    return f"case when regexp_full_match({name}, '[\\x{{4E00}}-\\x{{9FA5}}]*') then {name} else {written} end"


def hashes_of(rows: pa.Table, roll_keys: pa.Array, key: PlatformKey) -> pa.Table:
    """Return the hashes of rows: those of `text_columns` and their keys; of rows that have roll number, name and birth."""
    table = pa.table([roll_keys, *(rows[name] for name in ("m_is_final", "m_person", "m_guardian"))], MATCH_COLUMNS)
    table = table.filter(pc.and_(table["roll_key"].is_valid(), table["person_hash"].is_valid()))
    for place, name in ((2, "person_hash"), (3, "guardian_hash")):
        texts = table[name].cast(pa.string()).combine_chunks()
        table = table.set_column(place, name, keyed_hashes(key, "match", texts))
    return table.cast(MATCH_SCHEMA)


def write_match(
    connection: duckdb.DuckDBPyConnection, home: Home, key: PlatformKey, batch_id: str, select: str
) -> None:
    """Write the hashes of a batch's accepted rows to `vault/match/<batch_id>.parquet`, encrypted, mode 0600.

    The SELECT, which runs on `connection` (httpfs loaded), gives what `hashes_of` returns.
    """
    use_file_key(connection, key)
    path = match_path(home, batch_id)
    path.parent.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    copy_to(connection, select, path, f", encryption_config {{footer_key: '{FILE_KEY}'}}")
    path.chmod(0o600)


def record_links(home: Home, key: PlatformKey) -> int:
    """Compare temporary with final roll numbers over all landings; record the pairs that are new; return how many.

    A landing writes its hashes before it compares, so of two that run side by side at least one sees both.
    """
    if not any((home.vault / "match").glob("*.parquet")):
        return 0
    runs.ensure_empty(home)
    with connect(extensions=("httpfs",), memory_limit=get_settings().landing_memory_limit) as connection:
        use_file_key(connection, key)
        hashed = f"read_parquet('{home.vault}/match/*.parquet'{OPENED})"
        # Temporary numbers are few: as a table the engine knows it, and looks the many final ones up in them.
        columns = "roll_key, person_hash, guardian_hash"
        connection.execute(f"create temp table early as select distinct {columns} from {hashed} where not is_final")
        connection.execute(
            f"create temp table late as select distinct {columns} from {hashed} semi join early using (person_hash) "
            "where is_final"
        )
        connection.execute(
            """
            create temp table crowded as
            select person_hash from
                (select person_hash, count(distinct roll_key) as numbers from early group by person_hash) as e
                inner join (select person_hash, count(distinct roll_key) as numbers from late group by person_hash) as l
                    using (person_hash)
            where e.numbers * l.numbers > ?
            """,
            [PAIRS_MAXIMUM],
        )
        (crowded,) = connection.execute("select count(*) from crowded").fetchone() or (0,)
        if crowded:
            log.warning(
                "%s names with a day of birth stand for more than %s pairs of numbers; none of them is compared",
                crowded,
                PAIRS_MAXIMUM,
            )
        rows = connection.execute(
            f"""
            with pair as (
                select early.roll_key as left_key, late.roll_key as right_key,
                    coalesce(bool_or(early.guardian_hash = late.guardian_hash), false) as is_guardian_equal
                from early
                inner join late on late.person_hash = early.person_hash
                where early.person_hash not in (select person_hash from crowded)
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
