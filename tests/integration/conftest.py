"""What the integration tests share: the clean city of known answers, made once a session."""

from __future__ import annotations

import pytest
from tests_city import City, make_city


@pytest.fixture(scope="session")
def clean_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Give the clean city of seed 7, two school years long, collected and built; tests read it and change nothing."""
    city = make_city(tmp_path_factory.mktemp("clean_city"), seed=7, defects=0, terms=4)
    city.receipts = city.collect()
    city.build()
    return city
