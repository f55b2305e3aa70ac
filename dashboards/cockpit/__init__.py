"""The cockpit: one static Chinese page, written at publication from the published file, opened without a network."""

from dashboards.cockpit.site import write_site

__all__ = ["write_site"]
