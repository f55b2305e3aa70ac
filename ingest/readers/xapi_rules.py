"""What makes a statement valid: Experience API 1.0.3, part two (statements), as conditions over one JSON value.

Every condition is SQL over `j`, a statement that is known to be a JSON object of bounded depth, and its parts `s_<property>`.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from ingest.readers.table import literal

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
IRI = r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+"
UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
LANGUAGE = r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"
"""RFC 5646, by its shape."""
MOMENT = r"\d{4}-\d{2}-\d{2}[Tt ]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
"""RFC 3339. The offset -00:00 is refused, part two, 4.2.7."""
UNKNOWN_OFFSET = "-00:00"
DURATION = (
    r"P(\d+([.,]\d+)?W|(\d+([.,]\d+)?Y)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?D)?"
    r"(T(\d+([.,]\d+)?H)?(\d+([.,]\d+)?M)?(\d+([.,]\d+)?S)?)?)"
)
MAILBOX = r"mailto:[^@\s]+@[^@\s]+"
SHA1 = r"[0-9A-Fa-f]{40}"
VERSION = r"1\.0(\.\d+)?"
SHA2 = r"[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}"

AGENT_KEYS = ("objectType", "name", "mbox", "mbox_sha1sum", "openid", "account")
STATEMENT_KEYS = (
    *("id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version"),
    "attachments",
)
SUB_KEYS = ("objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments")
DEFINITION_KEYS = (
    *("name", "description", "type", "moreInfo", "extensions", "interactionType", "correctResponsesPattern"),
    *("choices", "scale", "source", "target", "steps"),
)
CONTEXT_KEYS = (
    *("registration", "instructor", "team", "contextActivities", "revision", "platform", "language", "statement"),
    "extensions",
)
ACTIVITY_LISTS = ("parent", "grouping", "category", "other")
ATTACHMENT_KEYS = ("usageType", "display", "description", "contentType", "length", "sha2", "fileUrl")


def _at(value: str, path: str) -> str:
    return f"json_extract({value}, '$.{path}')"


def _fits(value: str, pattern: str) -> str:
    """Whether a value is a string of a shape."""
    return (
        f"coalesce(json_type({value}) = 'VARCHAR' and regexp_full_match(json_extract_string({value}, '$'), "
        f"{literal(pattern)}), false)"
    )


def _is(value: str, *kinds: str) -> str:
    return f"coalesce(json_type({value}) in ({', '.join(literal(kind) for kind in kinds)}), false)"


def _may(value: str, condition: str) -> str:
    """A property that may be left out and is right where it is there."""
    return f"({value} is null or {condition})"


def _may_be(value: str, name: str, macro: str) -> str:
    """The same for a property that is right where a condition of `macros` says so."""
    return _may(_at(value, name), f"{macro}({_at(value, name)})")


def _object(value: str, keys: tuple[str, ...]) -> str:
    """Whether a value is an object of the given properties only, none of them twice."""
    known = ", ".join(literal(key) for key in keys)
    names = f"json_keys({value})"
    return (
        f"({_is(value, 'OBJECT')} and len(list_filter({names}, lambda k: k not in ({known}))) = 0 "
        f"and len(list_distinct({names})) = len({names}))"
    )


def _each(value: str, condition: str) -> str:
    """Whether a value is an array, every item `m` of which fulfils a condition."""
    return (
        f"({_is(value, 'ARRAY')} and len(list_filter(json_extract({value}, '$[*]'), lambda m: not ({condition}))) = 0)"
    )


def _keys_fit(value: str, pattern: str) -> str:
    return (
        f"({_is(value, 'OBJECT')} and len(list_filter(json_keys({value}), "
        f"lambda k: not regexp_full_match(k, {literal(pattern)}))) = 0)"
    )


NUMBER = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")


def _number(value: str) -> str:
    return f"try_cast(json_extract_string({value}, '$') as double)"


def _identifiers() -> str:
    """How many inverse functional identifiers an agent `a` names, a faulty one as many too many."""
    account = _at("a", "account")
    rules = {
        "mbox": _fits(_at("a", "mbox"), MAILBOX),
        "mbox_sha1sum": _fits(_at("a", "mbox_sha1sum"), SHA1),
        "openid": _fits(_at("a", "openid"), IRI),
        "account": f"({_object(account, ('homePage', 'name'))} and {_fits(_at(account, 'homePage'), IRI)} "
        f"and {_fits(_at(account, 'name'), '(?s).*[^ ].*')})",
    }
    return " + ".join(
        f"case when {_at('a', k)} is null then 0 when {rule} then 1 else 9 end" for k, rule in rules.items()
    )


def _score(value: str) -> str:
    parts = {name: _at(value, name) for name in ("scaled", "raw", "min", "max")}
    scaled, raw, low, high = (_number(part) for part in parts.values())
    kinds = " and ".join(_may(part, _is(part, *NUMBER)) for part in parts.values())
    return (
        f"({_object(value, tuple(parts))} and {kinds} and coalesce({scaled} between -1 and 1, true) "
        f"and coalesce({low} < {high}, true) and coalesce({raw} >= {low}, true) and coalesce({raw} <= {high}, true))"
    )


def macros() -> list[tuple[str, str, str]]:
    """Return name, parameter and body of every condition that others are built from, in the order of their need."""
    kind = "json_extract_string({0}, '$.objectType')"
    members = _each(_at("a", "member"), "xapi_agent(m)")
    sub_kind = kind.format(_at("a", "object"))
    return [
        ("xapi_words", "a", f"{_keys_fit('a', LANGUAGE)} and {_all_strings('a')}"),
        ("xapi_more", "a", _keys_fit("a", IRI)),
        ("xapi_identifiers", "a", _identifiers()),
        (
            "xapi_agent",
            "a",
            f"{_object('a', AGENT_KEYS)} and coalesce({_at('a', 'objectType')} = '\"Agent\"', true) "
            f"and {_may(_at('a', 'name'), _is(_at('a', 'name'), 'VARCHAR'))} and xapi_identifiers(a) = 1",
        ),
        (
            "xapi_group",
            "a",
            f"{_object('a', (*AGENT_KEYS, 'member'))} and coalesce({kind.format('a')} = 'Group', false) "
            f"and {_may(_at('a', 'name'), _is(_at('a', 'name'), 'VARCHAR'))} and {_may(_at('a', 'member'), members)} "
            f"and (xapi_identifiers(a) = 1 "
            f"or (xapi_identifiers(a) = 0 and coalesce(json_array_length({_at('a', 'member')}) > 0, false)))",
        ),
        ("xapi_actor", "a", "xapi_agent(a) or xapi_group(a)"),
        (
            "xapi_verb",
            "a",
            f"{_object('a', ('id', 'display'))} and {_fits(_at('a', 'id'), IRI)} "
            f"and {_may_be('a', 'display', 'xapi_words')}",
        ),
        (
            "xapi_definition",
            "a",
            f"{_object('a', DEFINITION_KEYS)} and "
            + " and ".join(
                _may(_at("a", name), condition)
                for name, condition in (
                    ("name", f"xapi_words({_at('a', 'name')})"),
                    ("description", f"xapi_words({_at('a', 'description')})"),
                    ("type", _fits(_at("a", "type"), IRI)),
                    ("moreInfo", _fits(_at("a", "moreInfo"), IRI)),
                    ("extensions", f"xapi_more({_at('a', 'extensions')})"),
                    ("interactionType", _is(_at("a", "interactionType"), "VARCHAR")),
                )
            ),
        ),
        (
            "xapi_activity",
            "a",
            f"{_object('a', ('objectType', 'id', 'definition'))} and {_fits(_at('a', 'id'), IRI)} "
            f"and coalesce({_at('a', 'objectType')} = '\"Activity\"', true) "
            f"and {_may_be('a', 'definition', 'xapi_definition')}",
        ),
        (
            "xapi_reference",
            "a",
            f"{_object('a', ('objectType', 'id'))} and coalesce({kind.format('a')} = 'StatementRef', false) "
            f"and {_fits(_at('a', 'id'), UUID)}",
        ),
        (
            "xapi_target",
            "a",
            f"case {kind.format('a')} when 'Agent' then xapi_agent(a) when 'Group' then xapi_group(a) "
            "when 'StatementRef' then xapi_reference(a) else xapi_activity(a) end",
        ),
        (
            "xapi_result",
            "a",
            f"{_object('a', ('score', 'success', 'completion', 'response', 'duration', 'extensions'))} and "
            + " and ".join(
                _may(_at("a", name), condition)
                for name, condition in (
                    ("score", _score(_at("a", "score"))),
                    ("success", _is(_at("a", "success"), "BOOLEAN")),
                    ("completion", _is(_at("a", "completion"), "BOOLEAN")),
                    ("response", _is(_at("a", "response"), "VARCHAR")),
                    (
                        "duration",
                        f"({_fits(_at('a', 'duration'), DURATION)} and "
                        f"regexp_matches(json_extract_string(a, '$.duration'), '[0-9][YMWDHS]$'))",
                    ),
                    ("extensions", f"xapi_more({_at('a', 'extensions')})"),
                )
            ),
        ),
        (
            "xapi_attachment",
            "a",
            f"{_object('a', ATTACHMENT_KEYS)} and {_fits(_at('a', 'usageType'), IRI)} "
            f"and {_is(_at('a', 'display'), 'OBJECT')} and {_is(_at('a', 'contentType'), 'VARCHAR')} "
            f"and {_is(_at('a', 'length'), 'BIGINT', 'UBIGINT')} and {_fits(_at('a', 'sha2'), SHA2)} "
            f"and {_may(_at('a', 'fileUrl'), _fits(_at('a', 'fileUrl'), IRI))}",
        ),
        (
            "xapi_moment",
            "a",
            f"{_fits('a', MOMENT)} and not ends_with(json_extract_string(a, '$'), '{UNKNOWN_OFFSET}') "
            "and try_cast(replace(left(upper(json_extract_string(a, '$')), 19), 'T', ' ') as timestamp) is not null",
        ),
        (
            "xapi_sub",
            "a",
            f"{_object('a', SUB_KEYS)} and xapi_actor({_at('a', 'actor')}) and xapi_verb({_at('a', 'verb')}) "
            f"and coalesce({sub_kind} <> 'SubStatement', true) and xapi_target({_at('a', 'object')}) "
            f"and {_may_be('a', 'result', 'xapi_result')} "
            f"and {_may(_at('a', 'context'), ' and '.join(_context(_at('a', 'context'))))} "
            f"and {_may_be('a', 'timestamp', 'xapi_moment')} "
            f"and {_may(_at('a', 'attachments'), _each(_at('a', 'attachments'), 'xapi_attachment(m)'))}",
        ),
    ]


def _context(value: str) -> list[str]:
    """Return what a context fulfils, condition by condition: all in one would be too large for one expression."""
    activities = _at(value, "contextActivities")
    parts: dict[str, Callable[[str], str]] = {
        "registration": lambda v: _fits(v, UUID),
        "instructor": lambda v: f"xapi_actor({v})",
        "team": lambda v: f"xapi_group({v})",
        "contextActivities": lambda v: _object(v, ACTIVITY_LISTS),
        "revision": lambda v: _is(v, "VARCHAR"),
        "platform": lambda v: _is(v, "VARCHAR"),
        "language": lambda v: _fits(v, LANGUAGE),
        "statement": lambda v: f"xapi_reference({v})",
        "extensions": lambda v: f"xapi_more({v})",
    }
    return [
        _object(value, CONTEXT_KEYS),
        *(_may(_at(value, name), condition(_at(value, name))) for name, condition in parts.items()),
        *(
            _may(part, condition)
            for name in ACTIVITY_LISTS
            for part in [_at(activities, name)]
            for condition in [f"(xapi_activity({part}) or {_each(part, 'xapi_activity(m)')})"]
        ),
    ]


def _all_strings(value: str) -> str:
    return f"len(list_filter(json_extract({value}, '$.*'), lambda m: json_type(m) <> 'VARCHAR')) = 0"


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the conditions that `RULES` are written in."""
    for name, parameter, body in macros():
        connection.execute(f"create or replace temp macro {name}({parameter}) as ({body})")


_KIND = "json_extract_string(s_object, '$.objectType')"
_IS_ACTIVITY = f"coalesce({_KIND} = 'Activity', {_KIND} is null)"

RULES: tuple[tuple[str, str], ...] = (
    ("statement_property_unknown", _object("j", STATEMENT_KEYS)),
    ("statement_id_invalid", _fits("s_id", UUID)),
    ("statement_actor_invalid", "xapi_actor(s_actor)"),
    ("statement_actor_anonymous", "xapi_identifiers(s_actor) > 0"),
    ("statement_verb_invalid", "xapi_verb(s_verb)"),
    (
        "statement_object_invalid",
        f"case when {_KIND} = 'SubStatement' then xapi_sub(s_object) else xapi_target(s_object) end "
        f"and (json_extract_string(s_verb, '$.id') <> {literal(VOIDED)} or coalesce({_KIND} = 'StatementRef', false))",
    ),
    ("statement_result_invalid", _may("s_result", "xapi_result(s_result)")),
    *(("statement_context_invalid", _may("s_context", condition)) for condition in _context("s_context")),
    (
        "statement_context_invalid",
        f"({_IS_ACTIVITY} or ({_at('s_context', 'revision')} is null and {_at('s_context', 'platform')} is null))",
    ),
    (
        "statement_timestamp_invalid",
        f"{_may('s_timestamp', 'xapi_moment(s_timestamp)')} and {_may('s_stored', 'xapi_moment(s_stored)')}",
    ),
    ("statement_version_invalid", _may("s_version", _fits("s_version", VERSION))),
    (
        "statement_authority_invalid",
        _may("s_authority", "xapi_actor(s_authority)"),
    ),
    (
        "statement_attachment_invalid",
        _may("s_attachments", _each("s_attachments", "xapi_attachment(m)")),
    ),
)
"""Reason code and the condition that a valid statement fulfils; the first that it does not is its finding."""
