"""Apache Superset over the PostgreSQL serving: one connection a role, dashboards as code."""
