"""Brings Superset to what the plan says; runs in Superset's own environment: `python provision.py PLAN`.

The plan is JSON: `bundles` maps a role to the folder of its bundle; `users` is a list of name, password, role (the
connection, null for the administrator) and whether SQL Lab is open. Running it again changes nothing that is right.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

SQL_LAB = "sql_lab"
READER = "Gamma"
ADMIN = "Admin"
PUBLIC = "Public"


def _contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))}


def _database(contents: dict[str, str]) -> Any:
    """Return the connection that a bundle made."""
    from superset import db
    from superset.models.core import Database

    found = yaml.safe_load(contents["databases/database.yaml"])
    return db.session.query(Database).filter_by(uuid=found["uuid"]).one()


def provision(plan: dict[str, Any]) -> None:
    """Import the bundles, give each connection a role of Superset, and each user exactly hers."""
    from superset import appbuilder, db, security_manager
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    # The page of the login is Chinese too, before anybody has said who they are.
    words = security_manager.find_permission_view_menu("can_language_pack", "Superset")
    security_manager.add_permission_role(security_manager.find_role(PUBLIC), words)
    db.session.commit()
    for user in sorted(plan["users"], key=lambda known: known["role"] is not None):
        known = security_manager.find_user(user["name"])
        if known is None:
            reader = security_manager.find_role(ADMIN if user["role"] is None else READER)
            mail = f"{user['name']}@localhost"
            known = security_manager.add_user(user["name"], user["name"], "-", mail, reader, password=user["password"])
        else:
            security_manager.reset_password(known.id, user["password"])
    with override_user(security_manager.find_user("admin")):
        for role, folder in plan["bundles"].items():
            contents = _contents(Path(folder))
            ImportAssetsCommand(contents).run()
            database = _database(contents)
            security_manager.add_permission_view_menu("database_access", database.perm)
            access = security_manager.find_permission_view_menu("database_access", database.perm)
            own = security_manager.add_role(f"connection:{role}")
            own.permissions = [access]
            print(f"{role}: {sum(name.startswith('charts/') for name in contents)} charts", flush=True)
    for user in plan["users"]:
        if user["role"] is not None:
            names = [READER, f"connection:{user['role']}", *([SQL_LAB] if user["is_sql_lab"] else [])]
            security_manager.find_user(user["name"]).roles = [security_manager.find_role(name) for name in names]
    db.session.commit()


def main() -> None:
    """Run the migrations of Superset's own database, then provision."""
    from flask_migrate import upgrade
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        import superset

        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        provision(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
