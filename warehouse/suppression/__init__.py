"""Suppression of small cells: primary and complementary, stable between releases, provable by exact intervals."""
