"""A real click log through the same path: every row read and accepted, every click in the mart."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests_city import use_home

from edu.paths import Home

CLICKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "oulad" / "studentVle_ds"
pytestmark = [
    pytest.mark.oulad,
    pytest.mark.skipif(not CLICKS.is_dir(), reason="the Open University data set is not beside the project"),
]


def land(home: Home, folder: Path) -> dict[str, int]:
    """Land a folder of click logs; return the counts of its one receipt."""
    from ingest.landing import collect
    from ingest.submission import Options

    options = Options(dataset="learning_activity_daily", org="oulad", period="2013-2014")
    result = collect([folder], home=home, options=options)
    assert [receipt.status for receipt in result.receipts] == ["accepted"]
    receipt = result.receipts[0]
    return {"rows_read": receipt.rows_read, "rows_accepted": receipt.rows_accepted}


@pytest.mark.slow
def test_the_whole_click_log_lands_and_adds_up(tmp_path: Path) -> None:
    home = use_home(tmp_path / "edu_home")
    assert land(home, CLICKS) == {"rows_read": 10_655_280, "rows_accepted": 10_655_280}
    from warehouse.transform import run_layer, run_seeds

    run_seeds(home, home.warehouse)
    for layer in ("collection", "storage", "management", "analysis"):
        run_layer(layer, home=home, database=home.warehouse)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        row = connection.execute("select sum(clicks), count(*) from analysis.learning_activity").fetchone()
    assert row == (39_605_099, 22)


def test_one_presentation_lands_with_its_repeated_keys(tmp_path: Path) -> None:
    part = tmp_path / "clicks" / "code_module=AAA" / "code_presentation=2013J"
    part.mkdir(parents=True)
    source = CLICKS / "code_module=AAA" / "code_presentation=2013J" / "part-0.parquet"
    (part / "part-0.parquet").write_bytes(source.read_bytes())
    truth = duckdb.execute(f"select count(*), sum(sum_click)::bigint from read_parquet('{source}')").fetchone()
    assert truth is not None
    home = use_home(tmp_path / "edu_home")
    counts = land(home, tmp_path / "clicks")
    assert counts == {"rows_read": truth[0], "rows_accepted": truth[0]}
    lake = duckdb.execute(
        f"select sum(clicks) from read_parquet('{home.lake}/learning_activity_daily/2013-2014/*.parquet')"
    ).fetchone()
    assert lake == (truth[1],)
