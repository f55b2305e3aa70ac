"""Letters on the tiles can be read by everybody (WCAG 2.1, 1.4.3: at least 4.5 to 1)."""

from __future__ import annotations

import pytest

from dashboards.cockpit.charts import DARK_INK, DARK_TILES, LIGHT_INK, TILE_COLOURS

LEAST = 4.5


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("met", range(8))
def test_letters_stand_out_from_their_tile(met: int) -> None:
    ink = LIGHT_INK if met in DARK_TILES else DARK_INK
    low, high = sorted((luminance(ink), luminance(TILE_COLOURS[met])))
    assert (high + 0.05) / (low + 0.05) >= LEAST
