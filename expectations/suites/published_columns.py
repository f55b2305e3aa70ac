"""What is served: no table of persons, every column labelled."""

from __future__ import annotations

from expectations.rule import Rule, Settings, Suite, no_rows


def build(_: Settings) -> list[Rule]:
    """Return the expectations."""
    served = "schema_name in ('query', 'visualization')"
    return [
        no_rows(
            "no_person_level",
            "select count(*) as columns_found from {batch} where schema_name = 'visualization' and level <> 'L1' "
            "having count(*) > 0",
            "The page is public: its tables are of level L1.",
        ),
        no_rows(
            "no_key_served",
            f"select count(*) as columns_found from {{batch}} where {served} and level in ('L1', 'L2') "
            "and is_pseudonym having count(*) > 0",
            "A pseudonym in a served table would let rows of a person be joined.",
        ),
        no_rows(
            "all_labelled",
            f"select count(*) as columns_found from {{batch}} where {served} "
            "and (coalesce(label_zh, '') = '' or coalesce(description, '') = '') having count(*) > 0",
            "A column that nobody can name is read wrongly.",
        ),
    ]


SUITE = Suite("publication", "management.column_catalog", build)
