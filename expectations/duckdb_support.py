"""DuckDB for Great Expectations, which has no dialect for it: by subclassing, without pandas.

Everything is imported inside functions, because importing Great Expectations takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_engines: list[Any] = []
"""Every execution engine that Great Expectations made; it makes several and forgets them open."""


@cache
def _datasource_class() -> Any:
    """Return the datasource class; making it registers the type `duckdb` and `add_or_update_duckdb`."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from typing import Literal

    import sqlalchemy
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

    class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
        """Keeps one connection: Great Expectations closes connections before it fetches from DuckDB's results."""

        def _setup_engine(
            self,
            kwargs: Any,
            connection_string: str | None = None,
            credentials: dict[str, Any] | None = None,
            url: str | None = None,
        ) -> None:
            super()._setup_engine({**kwargs, "poolclass": sqlalchemy.StaticPool}, connection_string, credentials, url)
            _engines.append(self)

        @contextmanager
        def get_connection(self) -> Generator[Any, None, None]:
            if not self._connection:
                self._connection = self.engine.connect()
            yield self._connection

        def close(self) -> None:
            if self._connection:
                self._connection.close()
                self._connection = None
            self.engine.dispose()

    class DuckDBDatasource(SQLDatasource):
        """A DuckDB file, opened read-only."""

        type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

        @property
        def execution_engine_type(self) -> Any:
            return DuckDBExecutionEngine

    return DuckDBDatasource


@contextmanager
def open_context(database: Path, docs: Path) -> Iterator[tuple[Any, Any]]:
    """Yield a Great Expectations context with Data Docs under `docs`, and a datasource on `database`.

    The engine is closed at the end, so that the file can be opened for writing in the same process.
    """
    _datasource_class()
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    context.add_data_docs_site(
        "gates",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
        },
    )
    source = context.data_sources.add_or_update_duckdb(
        "warehouse",
        connection_string=f"duckdb:///{database}",
        kwargs={"connect_args": {"read_only": True}},
    )
    try:
        yield context, source
    finally:
        while _engines:
            _engines.pop().close()
        source.get_engine().dispose()
