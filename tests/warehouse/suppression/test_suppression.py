"""What is hidden withstands the exact attack: by hand, on random tables, over tables and releases."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.suppression.attack import attack, intervals
from warehouse.suppression.figures import Figures, FiguresDifferError, cell_key, link
from warehouse.suppression.solve import Release, SuppressionImpossibleError, protect, settle

T = 5
Rows = dict[tuple[str, ...], int]


def figures(table: str, dims: Sequence[str], rows: Rows, *, is_fixed: bool = False) -> Figures:
    cells = {cell_key(table, dict(zip(dims, key, strict=True))): count for key, count in rows.items()}
    return Figures(table, tuple(dims), cells, is_fixed)


def margin(rows: Rows, keep: Sequence[int]) -> Rows:
    found: Rows = {}
    for key, count in rows.items():
        part = tuple(key[i] for i in keep)
        found[part] = found.get(part, 0) + count
    return found


def cross(rows: Rows, *, with_total: bool = True) -> list[Figures]:
    """A table of county by stage with both margins, and the total."""
    tables = [
        figures("both", ["county", "stage"], rows),
        figures("county", ["county"], margin(rows, [0])),
        figures("stage", ["stage"], margin(rows, [1])),
    ]
    return [*tables, figures("total", [], margin(rows, []))] if with_total else tables


def hidden(release: Release, table: str) -> set[tuple[str, ...]]:
    return {tuple(value for _, value in key[1]) for key in release.hidden if key[0] == table}


def test_one_small_cell_takes_a_rectangle_with_it() -> None:
    rows = {("a", "x"): 3, ("a", "y"): 40, ("a", "z"): 70, ("b", "x"): 20, ("b", "y"): 30, ("b", "z"): 90}
    release = protect(link(cross(rows)), T)
    # By hand: row a and column x each need a second hidden cell, and those need a fourth where they meet.
    assert hidden(release, "both") == {("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")}
    assert hidden(release, "county") == hidden(release, "stage") == hidden(release, "total") == set()
    ranges = intervals([release])
    # x = 3 + d, b.x = 20 - d, a.y = 40 - d, b.y = 30 + d: d from -3 to 20.
    assert ranges[(0, cell_key("both", {"county": "a", "stage": "x"}))] == pytest.approx((0, 23))


def test_the_attack_finds_what_is_badly_hidden() -> None:
    rows = {("a", "x"): 3, ("a", "y"): 40, ("b", "x"): 20, ("b", "y"): 30}
    whole = link(cross(rows))
    key = cell_key("both", {"county": "a", "stage": "x"})
    for only in (frozenset(), frozenset({key}), frozenset({key, cell_key("both", {"county": "a", "stage": "y"})})):
        release = Release(whole.values, dict.fromkeys(whole.values, 0), only, whole.equations)
        assert [(found.cell, found.low, found.high) for found in attack([release], T)] == [(key, 3, 3)]


def test_a_narrow_interval_is_a_disclosure() -> None:
    rows = {("a",): 3, ("b",): 2, ("c",): 100}
    whole = link([figures("part", ["county"], rows), figures("total", [], {(): 105}, is_fixed=True)])
    two = frozenset(cell_key("part", {"county": name}) for name in "ab")
    bad = Release(whole.values, dict.fromkeys(whole.values, 0), two, whole.equations)
    assert attack([bad], T) == []
    rows = {("a",): 1, ("b",): 2, ("c",): 100}
    whole = link([figures("part", ["county"], rows), figures("total", [], {(): 103}, is_fixed=True)])
    bad = Release(whole.values, dict.fromkeys(whole.values, 0), two, whole.equations)
    assert {(found.low, found.high) for found in attack([bad], T)} == {(0, 3)}
    assert attack([protect(whole, T)], T) == []


def test_zero_and_the_threshold_itself_are_shown() -> None:
    rows = {("a", "x"): 0, ("a", "y"): 5, ("b", "x"): 9, ("b", "y"): 30}
    assert protect(link(cross(rows)), T).hidden == frozenset()


def test_grades_add_up_to_stages_of_another_table() -> None:
    rows = {("a", "g1", "p"): 2, ("a", "g2", "p"): 30, ("a", "g7", "j"): 20, ("b", "g1", "p"): 25, ("b", "g2", "p"): 9}
    tables = [
        figures("grade", ["county", "grade", "stage"], rows),
        figures("stage", ["county", "stage"], margin(rows, [0, 2])),
        figures("city", ["grade"], margin(rows, [1])),
    ]
    release = protect(link(tables), T)
    assert ("a", "g1", "p") in hidden(release, "grade")
    assert len(hidden(release, "grade")) >= 4
    assert attack([release], T) == []


def test_tables_that_share_a_margin_which_is_not_published() -> None:
    by_stage = {("a", "x"): 3, ("a", "y"): 50, ("b", "x"): 30, ("b", "y"): 60}
    by_sex = {("a", "m"): 26, ("a", "f"): 27, ("b", "m"): 40, ("b", "f"): 50}
    release = protect(link([figures("s", ["county", "stage"], by_stage), figures("x", ["county", "sex"], by_sex)]), T)
    # The sexes of county a add up to the total of its stages, so one hidden stage alone could be found.
    assert len([key for key in release.hidden if dict(key[1])["county"] == "a"]) >= 2
    assert attack([release], T) == []


def test_figures_that_do_not_count_the_same_are_told() -> None:
    with pytest.raises(FiguresDifferError):
        link([figures("a", ["county"], {("x",): 3}), figures("b", [], {(): 4})])


def test_what_cannot_be_protected_is_told() -> None:
    tables = [figures("a", ["county"], {("x",): 3}), figures("b", [], {(): 3}, is_fixed=True)]
    with pytest.raises(SuppressionImpossibleError):
        protect(link(tables), T)


counts = st.one_of(st.integers(0, 9), st.integers(0, 300))


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    counties, stages = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    return {(f"c{i}", f"s{j}"): draw(counts) for i in range(counties) for j in range(stages)}


@settings(max_examples=60, deadline=None)
@given(tables())
def test_the_attack_finds_nothing(rows: Rows) -> None:
    release = protect(link(cross(rows)), T)
    assert attack([release], T) == []
    assert all(release.values[key] > 0 for key in release.hidden)


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_the_same_figures_in_any_order_hide_the_same(rows: Rows, order: random.Random) -> None:
    items = list(rows.items())
    order.shuffle(items)
    other = cross(dict(items))
    order.shuffle(other)
    assert protect(link(cross(rows)), T).hidden == protect(link(other), T).hidden


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_nothing_is_found_over_releases(rows: Rows, data: st.DataObject) -> None:
    releases = [protect(link(cross(rows)), T)]
    current = dict(rows)
    for _ in range(3):
        for key in data.draw(st.lists(st.sampled_from(sorted(current)), max_size=3)):
            current[key] = max(0, current[key] + data.draw(st.integers(-12, 12)))
        now, _ = settle(link(cross(current)), T, releases[-1])
        try:
            release = protect(now, T, releases)
        except SuppressionImpossibleError:
            continue
        if release.values != releases[-1].values:
            for key, value in release.values.items():
                if key[0] == "both":
                    assert not 0 < abs(value - releases[-1].values[key]) < T
            releases.append(release)
        else:
            assert release.hidden == releases[-1].hidden
    assert attack(releases, T) == []


def test_a_small_change_waits_and_a_larger_one_is_released() -> None:
    rows = {("a", "x"): 50, ("a", "y"): 40, ("b", "x"): 20, ("b", "y"): 30}
    first = protect(link(cross(rows)), T)
    now, kept = settle(link(cross(rows | {("a", "x"): 53})), T, first)
    assert now.values == first.values
    assert kept == {cell_key("both", {"county": "a", "stage": "x"})}
    now, kept = settle(link(cross(rows | {("a", "x"): 53, ("b", "y"): 36})), T, first)
    assert now.values[cell_key("both", {"county": "b", "stage": "y"})] == 36
    assert now.values[cell_key("both", {"county": "a", "stage": "x"})] == 50
    assert now.values[cell_key("total", {})] == 146
    now, kept = settle(link(cross(rows | {("a", "x"): 55})), T, first)
    assert (now.values[cell_key("total", {})], kept) == (145, set())
