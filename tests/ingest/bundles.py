"""Hand-made rosters of other systems: one school, two classes, three pupils, two teachers, a parent."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

Files = dict[str, list[list[str]]]

SCHOOL = "2142000001"


def manifest(mode: str = "bulk", version: str = "1.2", **modes: str) -> list[list[str]]:
    """Return a manifest that declares the files of `oneroster_12`."""
    files = {name: mode for name in ("orgs", "classes", "courses", "users", "roles", "enrollments", "demographics")}
    return [
        ["propertyName", "value"],
        ["manifest.version", "1.0"],
        ["oneroster.version", version],
        *([f"file.{name}", value] for name, value in {**files, **modes}.items()),
        ["source.systemName", "A learning platform"],
        ["source.systemCode", "LMS One"],
    ]


def oneroster_12() -> Files:
    """Return a bulk bundle; pupil u3 chose a lesson besides the class, u9 is a parent."""
    base = ["sourcedId", "status", "dateLastModified"]
    return {
        "manifest": manifest(),
        "orgs": [
            [*base, "name", "type", "identifier", "parentSourcedId"],
            ["d1", "", "", "教育局", "district", "421002", ""],
            ["o1", "", "", "第一小学", "school", SCHOOL, "d1"],
        ],
        "courses": [
            [*base, "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId"],
            ["c6", "", "", "", "六年级", "6", "06", "o1"],
        ],
        "classes": [
            [*base, "title", "grades", "courseSourcedId", "classCode", "classType", "schoolSourcedId", "colour"],
            ["k1", "", "", "2019级1班", "06", "c6", "1", "homeroom", "o1", "red"],
            ["k2", "", "", "2019级2班", "", "c6", "2", "homeroom", "o1", "blue"],
            ["k3", "", "", "围棋", "06", "c6", "3", "scheduled", "o1", "green"],
        ],
        "users": [
            [*base, "enabledUser", "username", "givenName", "familyName", "identifier", "phone", "grades", "password"],
            ["u1", "", "", "true", "a", "小明", "王", "", "13800000001", "06", "Secret-1"],
            ["u2", "", "", "true", "b", "小红", "李", "", "", "06", "Secret-2"],
            ["u3", "", "", "true", "c", "Ann", "Lee", "", "", "", "Secret-3"],
            ["u4", "", "", "true", "d", "老师", "张", "T001", "", "", "Secret-4"],
            ["u5", "", "", "true", "e", "校长", "赵", "T002", "", "", "Secret-5"],
            ["u9", "", "", "true", "f", "大明", "王", "", "", "", "Secret-6"],
        ],
        "roles": [
            [*base, "userSourcedId", "roleType", "role", "orgSourcedId"],
            ["r1", "", "", "u1", "primary", "student", "o1"],
            ["r2", "", "", "u2", "primary", "student", "o1"],
            ["r3", "", "", "u3", "primary", "student", "o1"],
            ["r4", "", "", "u4", "primary", "teacher", "o1"],
            ["r5", "", "", "u5", "primary", "principal", "o1"],
            ["r6", "", "", "u5", "secondary", "teacher", "o1"],
            ["r9", "", "", "u9", "primary", "parent", "o1"],
        ],
        "enrollments": [
            [*base, "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate"],
            ["e1", "", "", "k1", "o1", "u1", "student", "", "2024-09-01", ""],
            ["e2", "", "", "k2", "o1", "u2", "student", "", "2024-09-01", ""],
            ["e3", "", "", "k2", "o1", "u3", "student", "", "2024-09-01", ""],
            ["e4", "", "", "k1", "o1", "u3", "student", "", "2023-09-01", "2024-07-01"],
            ["e5", "", "", "k3", "o1", "u3", "student", "", "2024-09-01", ""],
            ["e6", "", "", "k1", "o1", "u4", "teacher", "true", "2024-09-01", ""],
        ],
        "demographics": [
            [*base, "birthDate", "sex", "asian", "hispanicOrLatinoEthnicity"],
            ["u1", "", "", "2012-10-05", "male", "true", "false"],
            ["u2", "", "", "2012-11-06", "female", "true", "false"],
            ["u3", "", "", "2012-12-07", "unspecified", "true", "false"],
        ],
    }


def write_folder(folder: Path, files: Files) -> Path:
    """Write a bundle as a folder."""
    folder.mkdir(parents=True)
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder


def write_zip(path: Path, files: Files, inside: str = "") -> Path:
    """Write a bundle as a zip, its files below `inside`."""
    folder = write_folder(path.with_suffix(""), files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(folder.iterdir()):
            archive.write(item, f"{inside}{item.name}")
    return path
