"""The command `edu`: mounts what `edu/commands/` defines, and turns an error of the platform into one line and its exit code.

Exit codes: 0 ok, 1 runtime, 2 usage, 3 something rejected or held, 4 gate failed.
"""

from __future__ import annotations

import typer

from edu.commands import (
    backup,
    bi,
    cases,
    city,
    collection,
    look,
    official,
    plan,
    report,
    serve,
    share,
    steward,
    submission,
    vault,
    warehouse,
)
from edu.commands.common import screen
from edu.errors import EduError
from edu.storage_error import storage_error

# Local variables of a traceback may hold a person's values, so they are never printed.
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="荆州教育大数据平台 · education data platform",
)
for commands in (
    city,
    collection,
    warehouse,
    look,
    steward,
    vault,
    cases,
    serve,
    bi,
    official,
    submission,
    share,
    plan,
    report,
    backup,
):
    app.add_typer(commands.app)


def main() -> None:
    """Run the command; an error of the platform is one line and its exit code."""
    try:
        app()
    except EduError as error:
        screen.print(f"[red]错误 error:[/] {error}", highlight=False, soft_wrap=True)
        raise SystemExit(int(error.exit_code)) from None
    except Exception as error:
        fault = storage_error(error, "edu")
        if fault is None:
            raise
        screen.print(f"[red]错误 error:[/] {fault}", highlight=False, soft_wrap=True)
        raise SystemExit(int(fault.exit_code)) from None


if __name__ == "__main__":
    main()
