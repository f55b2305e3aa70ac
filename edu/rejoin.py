"""Names of rows, out of the vault: for a school's own rows, after a reason went to the audit log."""

from __future__ import annotations

import pyarrow as pa

from edu.paths import Home
from edu.pseudonym import PlatformKey
from edu.vault import reading

NAME_FIELD = "name"
Place = tuple[str, str | None, int]


def names_of_rows(home: Home, key: PlatformKey, places: pa.Table) -> dict[Place, str]:
    """Return the name of each row that the vault knows, by (submission_id, sheet, row_number).

    Args:
        home: the installation.
        key: its key.
        places: columns submission_id, sheet, row_number.

    Raises:
        VaultBusyError: the vault is being merged.
        VaultError: a file of the vault cannot be opened with the key.
    """
    with reading(home, key) as connection:
        connection.register("wanted", places)
        rows = connection.execute(
            "select distinct person.submission_id, person.sheet, person.row_number, person.value "
            "from person_row as person inner join wanted on wanted.submission_id = person.submission_id "
            "and wanted.row_number = person.row_number and wanted.sheet is not distinct from person.sheet "
            "where person.field = ? order by all",
            [NAME_FIELD],
        ).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}
