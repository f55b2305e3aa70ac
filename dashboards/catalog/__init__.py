"""The data catalogue: static Chinese pages from contracts, the dbt manifest and run records, opened without a network."""

from dashboards.catalog.content import read_content
from dashboards.catalog.pages import write_pages

__all__ = ["read_content", "write_pages"]
