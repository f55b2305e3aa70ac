"""Turns raw text into typed columns, in one DuckDB statement for all rows of a batch.

For every field the statement gives its value and at most one reason code: a fault (the value is lost) outranks a
repair. The expressions are built from the contract; nothing here knows a dataset.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from edu.codes import code_sets, code_width, grades, seed_rows, spellings
from edu.contract import Contract, Fault, FieldSpec
from ingest import units
from ingest.expression import Cleaned, Steps, cases, outside
from ingest.header import FULL_WIDTH
from ingest.measures import duration, moment, vision
from ingest.readers.table import literal, quoted

NULL_WORDS = (
    "无",
    "—",
    "——",
    "-",
    "－",
    "--",
    "/",
    "\\",
    "不详",
    "未知",
    "暂无",
    "空",
    "N/A",
    "#N/A",
    "NULL",
    "null",
    "None",
    "nan",
)
"""Words that clerks write for nothing (dirty-data catalogue class 32)."""
ZERO = "0"
NEVER_ZERO = ("date", "year_month", "timestamp", "division_code", "township_code", "uscc", "private")
"""Types of which a lone zero can be no value: there it says that there is nothing."""
SERIAL_DATE_MINIMUM, SERIAL_DATE_MAXIMUM = 20_000, 60_000
"""Excel day numbers that are dates of living people (class 28): 1954 to 2064, counted from 1899-12-30."""
ERROR_CELL = r"^#(REF|VALUE|NAME|DIV/0|NULL|NUM|CALC|SPILL|FIELD)[!?]?$"
NEUTRALISED = r"^'('*[=+@-])"
"""What an export makes of a text that a spreadsheet would run (class 50): one apostrophe before it."""
FORCED_TEXT = r"^'+(\d)"
"""How a number is typed so that a spreadsheet keeps it as text."""
CUT_AREA_CODE, SERVICE_LINE = r"10\d{8}|2\d{9}|[3-9]\d{9,10}", r"[48]00\d{7}"
"""A telephone of a fixed line without the zero of its area code (10, 2x, or three digits), and one that has no area
code; a mobile number begins with 1 and has eleven digits."""
OPAQUE = "xapi@homePage"
"""Names of accounts, of which only the system that gave them knows which are one (xAPI 1.0.3, part two, 2.4.2.4)."""
FOREIGN_ORGANISATION = r"[a-z0-9][a-z0-9_-]{0,39}:[^\s:]{1,255}"
GROUPED = r"^[-+]?[1-9]\d{{0,2}}({0}\d{{3}})+(\.\d+)?( *[^\d,. ].*)?$"
BLANK_BESIDE_WORD = r"(^|[^\d,.]) +| +([^\d,.]|$)"
SCIENTIFIC = r"^\d(\.\d+)?[Ee]\+?\d{1,2}$"
LOST_DIGITS = r"^\d{15}000$"
MOJIBAKE = r"[?？□■\x{FFFD}]|锟斤拷|烫烫|屯屯"
PRIVATE_USE = r"[\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFD}]"
LATIN = r"[A-Za-zＡ-Ｚａ-ｚ]"
WIDE = r"[\x{FF01}-\x{FF5E}]"
AMBIGUOUS_DATE = r"^(\d{1,2}[-./年]\d{1,2}[-./月]\d{1,2}日?|\d{1,2}[-./]\d{1,2}[-./]\d{4}|\d{6})$"
"""A year of two digits, or the year last: which number is what cannot be told (class 29)."""
OUT_OF_RANGE, NOT_YET = "out_of_range", "not_yet_built"
NOT_YET_WORDS = ("在建", "待建", "未建成", "未投入使用", "尚未建成", "尚未投入使用")
"""What new schools write for premises that are not there yet (class 52)."""
CHINESE_DIGITS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
PSEUDONYM_NAMESPACE_OF_OTHER_DOCUMENTS = "passport"
RESIDENT_ID_TYPE = "1"


def narrow(expression: str) -> str:
    """Return SQL that maps full-width digits, letters and punctuation to their ASCII forms (not brackets in names)."""
    wide = "".join(chr(code) for code in FULL_WIDTH if code != 0x3000)
    plain = "".join(str(FULL_WIDTH[ord(char)]) for char in wide)
    translated = f"translate({expression}, {literal(wide)}, {literal(plain)})"
    # A translation of every text would cost more than all else of a file in Chinese.
    return f"case when regexp_matches({expression}, {literal(WIDE)}) then {translated} else {expression} end"


def text_column(field: FieldSpec) -> str:
    """Return SQL of a field's text: trimmed, without the apostrophe that an export put before a formula's sign.

    The character of number zero, which workbooks and Parquet can hold and PostgreSQL cannot, is shown as one that is lost.
    """
    name = quoted(field.name)
    trimmed = f"trim(replace({name}, chr(0), '\ufffd'), ' \t\r\n\u3000\u00a0\ufeff')"
    return f"nullif(regexp_replace({trimmed}, {literal(NEUTRALISED)}, '\\1'), '')"


def plain_column(field: FieldSpec) -> str:
    """Return SQL of a field's text in ASCII width and without the apostrophe that forces text, over `t_<name>`."""
    return f"ltrim({narrow(quoted('t_' + field.name))}, '''')"


def has_plain(field: FieldSpec) -> bool:
    """Whether a field's expressions read `p_<name>`; private texts are taken as they are."""
    return field.type != "private"


def lacks_area_zero(text: str) -> str:
    """Return SQL of whether a telephone lost the zero before its area code (class 23)."""
    digits = f"regexp_replace({text}, '[ -]', '', 'g')"
    return (
        f"(regexp_full_match({digits}, {literal(CUT_AREA_CODE)}) "
        f"and not regexp_full_match({digits}, {literal(SERVICE_LINE)}))"
    )


def is_phone(field: FieldSpec) -> bool:
    """Whether a private field holds telephones."""
    return field.type == "private" and "phone" in field.name


def null_words(field: FieldSpec) -> tuple[str, ...]:
    """Return the words that mean nothing in this field; words that are values of its code set are not among them."""
    code_set = "SFBZ" if field.type == "flag" else field.code_set
    real = set(field.real_words)
    if code_set:
        real |= set(spellings(code_set)) | set(code_sets()[code_set].values())
    if field.namespace == OPAQUE:
        return ("",)
    words = (*NULL_WORDS, ZERO) if _is_zero_nothing(field, code_set) else NULL_WORDS
    return tuple(word for word in words if word not in real)


def _is_zero_nothing(field: FieldSpec, code_set: str | None) -> bool:
    if code_set:
        return ZERO.zfill(code_width(code_set) or 1) not in code_sets()[code_set]
    return field.type in NEVER_ZERO


def register_codes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the lookup tables: `code_spelling` (code_set, spelling, code, kind) and `grade_lookup`."""
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for name, codes in code_sets().items():
        for alias, code in spellings(name).items():
            rows[(name, alias)] = (code, "alias")
        # Longer codes are the leaves of a hierarchy; they come last and win where two levels share a label.
        for code, label in sorted(codes.items(), key=lambda item: (len(item[0]), item[0])):
            rows[(name, label)] = (code, "label")
        for code in codes:
            rows[(name, code)] = (code, "code")
    table = pa.table(
        {
            "code_set": [key[0] for key in rows],
            "spelling": [key[1] for key in rows],
            "code": [value[0] for value in rows.values()],
            "kind": [value[1] for value in rows.values()],
        }
    )
    grade_rows = list(grades().values())
    grade_table = pa.table(
        {
            "grade_code": [grade.grade_code for grade in grade_rows],
            "stage": [grade.stage for grade in grade_rows],
            "grade_in_stage": [grade.grade_in_stage for grade in grade_rows],
            "age_minimum": [grade.usual_age_minimum for grade in grade_rows],
            "age_maximum": [grade.usual_age_maximum for grade in grade_rows],
        }
    )
    for name, content in (("code_spelling", table), ("grade_lookup", grade_table)):
        connection.register("lookup", content)
        connection.execute(f"create or replace temp table {name} as select * from lookup")
        connection.unregister("lookup")


def resolve_codes(connection: duckdb.DuckDBPyConnection, field: FieldSpec, value_form: str) -> None:
    """Make `code_of_<field>` (spelling, code, reason) for the distinct spellings in `prepared`."""
    code_set = "SFBZ" if field.type == "flag" else str(field.code_set)
    width = code_width(code_set)
    padded = f"lpad(d.plain, {width}, '0')" if width else "cast(null as varchar)"
    declared = "label" if value_form == "label" else "code"
    spelling = f"select spelling, code, kind from code_spelling where code_set = {literal(code_set)}"
    connection.execute(
        f"""
        create or replace temp table {quoted("code_of_" + field.name)} as
        with known as ({spelling}),
        distinct_text as (
            select distinct {quoted("t_" + field.name)} as spelling, upper({quoted("p_" + field.name)}) as plain,
                {quoted("p_" + field.name)} as narrowed
            from prepared where {quoted("t_" + field.name)} is not null
        ),
        parts as (
            select d.*, {padded} as padded,
                regexp_extract(d.narrowed, '^\\(?([0-9A-Za-z]{{1,3}})\\)?[-:_ .、]+(.+)$', 1) as part_code,
                regexp_extract(d.narrowed, '^\\(?([0-9A-Za-z]{{1,3}})\\)?[-:_ .、]+(.+)$', 2) as part_label
            from distinct_text as d
        )
        select p.spelling,
            coalesce(exact.code, plain.code, narrowed.code, zeros.code, full_name.code,
                case when both_label.code is not null and both_code.code in (both_label.code) then both_label.code
                     when both_label.code is not null and both_code.code is null then both_label.code end) as code,
            case
                when exact.kind = {literal(declared)} then null
                when plain.code is not null and plain.kind = {literal(declared)} then 'code_from_label'
                when full_name.code is not null and exact.kind is distinct from 'label' then 'ethnicity_completed'
                when exact.code is not null then 'code_from_label'
                when plain.code is not null or narrowed.code is not null then 'code_from_label'
                when zeros.code is not null then 'leading_zero_restored'
                when both_label.code is not null
                    and (both_code.code is null or both_code.code = both_label.code) then 'code_from_label'
                else 'code_unknown'
            end as reason
        from parts as p
        left join known as exact on exact.spelling = p.spelling
        left join known as plain on plain.spelling = p.plain and plain.kind = 'code'
        left join known as narrowed on narrowed.spelling = p.narrowed
        left join known as zeros on zeros.spelling = p.padded and zeros.kind = 'code'
            and regexp_full_match(p.plain, '\\d+')
        left join known as full_name on {literal(code_set)} = 'MZ' and full_name.kind = 'label'
            and full_name.spelling = regexp_replace(replace(p.narrowed, ' ', ''), '族$', '') || '族'
        left join known as both_code on both_code.spelling = p.part_code and both_code.kind = 'code'
        left join known as both_label on both_label.spelling = p.part_label and both_label.kind <> 'code'
        """
    )


def faulty(field: FieldSpec, effect: Fault) -> str | None:
    """Return SQL of whether a field's fault does this to its row; null where none does."""
    fault = quoted("x_" + field.name)
    by_range = field.on_range or field.on_fault
    if field.on_fault == by_range:
        return f"{fault} is not null" if field.on_fault == effect else None
    if field.on_fault == effect:
        return f"({fault} is not null and {fault} <> '{OUT_OF_RANGE}')"
    return f"coalesce({fault} = '{OUT_OF_RANGE}', false)" if by_range == effect else None


def severity(field: FieldSpec) -> str:
    """Return SQL of the severity of a field's finding: what its fault does, else what the repair's reason says."""
    fault, fix = quoted("x_" + field.name), quoted("r_" + field.name)
    return (
        f"case when {fault} = '{OUT_OF_RANGE}' then {literal(field.on_range or field.on_fault)} "
        f"when {fault} is not null then {literal(field.on_fault)} "
        f"when {fix} = '{NOT_YET}' then 'warn' else 'fix' end"
    )


def is_coded(field: FieldSpec) -> bool:
    """Whether a field's values come from a code set."""
    return field.type in ("code", "flag")


def clean_field(field: FieldSpec, contract: Contract) -> tuple[Cleaned, Steps]:
    """Return the expressions of one field, and the columns on which they stand.

    Text is in `t_<name>`, in ASCII width in `p_<name>`; codes are joined as `c_<name>`.
    """
    steps = Steps(field.name)
    text = quoted("t_" + field.name)
    error = steps.add(f"regexp_matches({text}, {literal(ERROR_CELL)})")
    typed = _typed(field, contract, text, quoted("p_" + field.name), steps)
    missing = literal("value_missing") if field.mandatory else "cast(null as varchar)"
    fault = f"case when {text} is null then {missing} when {error} then 'formula_error' else {typed.fault} end"
    word = f"{quoted('n_' + field.name)}"
    fix = f"case when {word} then 'null_word' when {text} is not null then {typed.fix} end"
    return Cleaned(f"case when not coalesce({error}, false) then {typed.value} end", fault, fix), steps


def _typed(field: FieldSpec, contract: Contract, text: str, plain: str, steps: Steps) -> Cleaned:
    match field.type:
        case "code" | "flag":
            return _code(field)
        case "integer" | "decimal":
            return _number(field, text, plain, steps)
        case "date":
            return _date(text, plain, steps)
        case "timestamp":
            return moment(plain, steps)
        case "vision":
            return vision(field, plain, steps)
        case "duration":
            return duration(field, plain, steps)
        case "year_month":
            return _year_month(text, plain, steps)
        case "class_name":
            return _class_name(text, plain, steps)
        case "school_code":
            return _school_code(text, plain, steps)
        case "division_code":
            return _division(text, plain, steps)
        case "township_code":
            return _pattern(text, plain, r"^\d{9}$", steps)
        case "uscc":
            return _shaped(text, plain, "uscc_is_valid", "value_unreadable", steps)
        case "identifier":
            return _identifier(field, contract, text, plain, steps)
        case "private":
            return _private(field, text, steps)
        case _:
            return _text(field, text, steps)


def _text(field: FieldSpec, text: str, steps: Steps) -> Cleaned:
    width = field.width or 200
    plain = steps.add(f"regexp_replace({text}, {literal(FORCED_TEXT)}, '\\1')")
    return Cleaned(
        f"case when length({plain}) <= {width} then {plain} end",
        cases((f"length({plain}) > {width}", "value_too_long")),
        "cast(null as varchar)",
    )


def _private(field: FieldSpec, text: str, steps: Steps) -> Cleaned:
    if is_phone(field):
        is_cut = steps.add(lacks_area_zero(text))
        return Cleaned(
            f"case when {is_cut} then '0' || {text} else {text} end",
            "cast(null as varchar)",
            cases((is_cut, "leading_zero_restored")),
        )
    if "name" not in field.name:
        return Cleaned(text, "cast(null as varchar)", "cast(null as varchar)")
    known = seed_rows("private_use_character")
    private = "".join(chr(int(row["private_use"], 16)) for row in known)
    mapped = steps.add(f"translate({text}, {literal(private)}, {literal(''.join(row['character'] for row in known))})")
    dotted = steps.add(f"regexp_replace({mapped}, '[•．・‧∙●]', '·', 'g')")
    is_broken = steps.add(f"regexp_matches({text}, {literal(MOJIBAKE)})")
    # A name in Latin letters alone is a foreigner's; letters among Han characters stand for one that was not found.
    is_stand_in = steps.add(
        f"(regexp_matches({mapped}, {literal(PRIVATE_USE)}) "
        f"or (regexp_matches({mapped}, '\\p{{Han}}') and regexp_matches({mapped}, {literal(LATIN)})))"
    )
    return Cleaned(
        f"case when not {is_broken} and not {is_stand_in} then {dotted} end",
        cases((is_broken, "name_mojibake"), (is_stand_in, "name_stand_in")),
        cases((f"{mapped} <> {text}", "name_private_use_mapped"), (f"{dotted} <> {mapped}", "name_dot_fixed")),
    )


def _division(text: str, narrowed: str, steps: Steps) -> Cleaned:
    """Return the expressions of a division; a retired code becomes its successor, a code in use again stays."""
    code = steps.add(f"replace({narrowed}, ' ', '')")
    plain = _pattern(text, code, r"^\d{6}$", steps)
    whens = " ".join(
        f"when {code} = {literal(row['division_code'])} and as_of > date {literal(row['valid_to'])} "
        f"then {literal(row['successor_code'])}"
        for row in seed_rows("division_succession")
    )
    successor = steps.add(f"case {whens} end")
    return Cleaned(
        f"coalesce({successor}, {plain.value})",
        plain.fault,
        f"case when ({successor}) is not null then 'division_succeeded' else {plain.fix} end",
    )


def _code(field: FieldSpec) -> Cleaned:
    joined = quoted("c_" + field.name)
    value = f"{joined}.code = '1'" if field.type == "flag" else f"{joined}.code"
    return Cleaned(
        value,
        f"case when {joined}.reason = 'code_unknown' then 'code_unknown' end",
        f"case when {joined}.reason <> 'code_unknown' then {joined}.reason end",
    )


def _ungrouped(plain: str) -> str:
    """Return SQL of a number without the commas or blanks that part it by thousands, and without blanks beside a word.

    Marks at other places make it another number, or two in one cell: they stay, and the number cannot be read
    (GB/T 15835-2011, 5.1.2: groups of three).
    """
    grouped = " or ".join(f"regexp_matches({plain}, {literal(GROUPED.format(mark))})" for mark in (",", " "))
    beside = f"regexp_replace({plain}, {literal(BLANK_BESIDE_WORD)}, '\\1\\2', 'g')"
    return f"case when {grouped} then replace(replace({plain}, ',', ''), ' ', '') else {beside} end"


def _number(field: FieldSpec, text: str, plain: str, steps: Steps) -> Cleaned:
    """Return the expressions of a number; a unit in the cell is taken away, converted, or does not belong there."""
    bare = steps.add(_ungrouped(plain))
    every_word = literal(units.suffix(units.every_word() | units.own_words(field.unit)))
    digits = steps.add(f"regexp_replace({bare}, {every_word}, '')")
    whole = field.type == "integer"
    canonical = r"^-?\d+(\.0+)?$" if whole else r"^-?\d+(\.\d+)?([Ee][+-]?\d+)?$"
    kind = "bigint" if whole else f"decimal({field.precision}, {field.scale})"
    number = f"try_cast({digits} as decimal(38, 6))" if whole else f"try_cast({digits} as {kind})"
    factors = units.conversions(field.unit)
    is_converted, is_foreign = "false", "false"
    if factors:
        is_converted = steps.add(f"regexp_matches({bare}, {literal(units.suffix(factors))})")
        whens = " ".join(
            f"when ends_with({bare}, {literal(word)}) then try_cast({digits} as decimal(18, 6)) * {factor}"
            for word, factor in factors.items()
        )
        number = f"case {whens} else {number} end"
    number = steps.add(number)
    if field.unit:
        foreign = units.every_word() - units.own_words(field.unit) - set(factors)
        is_foreign = steps.add(f"(regexp_matches({bare}, {literal(units.suffix(foreign))}) and not {is_converted})")
    not_yet = "false"
    if field.zero == "not_yet":
        words = ", ".join(literal(word) for word in NOT_YET_WORDS)
        not_yet = steps.add(f"({bare} in ({words}) or coalesce({number} = 0, false))")
    readable = steps.add(f"(regexp_matches({digits}, {literal(canonical)}) and {number} is not null)")
    is_outside = steps.add(f"({readable} and {outside(field, number)})")
    return Cleaned(
        f"case when {readable} and not {is_outside} and not {is_foreign} and not {not_yet} "
        f"then try_cast({number} as {kind}) end",
        f"case when not {not_yet} then "
        + cases((is_foreign, "unit_mismatch"), (f"not {readable}", "value_unreadable"), (is_outside, OUT_OF_RANGE))
        + " end",
        cases(
            (not_yet, NOT_YET),
            (is_converted, "unit_converted"),
            (f"ends_with({bare}, '%')", "percent_sign_removed"),
            (f"{digits} <> {text}", "number_format_fixed"),
        ),
    )


def _date(text: str, plain: str, steps: Steps) -> Cleaned:
    canonical = f"regexp_matches({text}, '^(\\d{{4}}-\\d{{2}}-\\d{{2}}|\\d{{8}})$')"
    pattern = "^(\\d{4})[-./年](\\d{1,2})[-./月](\\d{1,2})日?( 0?0:00(:00)?)?$"
    parts = "||'-'||".join(f"lpad(regexp_extract({plain}, '{pattern}', {group}), 2, '0')" for group in (2, 3))
    split = steps.add(
        f"case when regexp_matches({plain}, '{pattern}') then regexp_extract({plain}, '{pattern}', 1)||'-'||{parts} end"
    )
    compact = f"case when regexp_full_match({plain}, '\\d{{8}}') then try_strptime({plain}, '%Y%m%d') end"
    serial = (
        f"case when regexp_full_match({plain}, '\\d{{5}}(\\.0)?') and try_cast({plain} as double) "
        f"between {SERIAL_DATE_MINIMUM} and {SERIAL_DATE_MAXIMUM} "
        f"then date '1899-12-30' + cast(try_cast({plain} as double) as integer) end"
    )
    value = steps.add(
        f"coalesce(cast(try_strptime({split}, '%Y-%m-%d') as date), cast({compact} as date), cast({serial} as date))"
    )
    checked = steps.add(f"case when {value} >= date '1900-01-01' then {value} end")
    return Cleaned(
        checked,
        f"case when {checked} is null then case when regexp_matches({plain}, {literal(AMBIGUOUS_DATE)}) "
        f"then 'date_ambiguous' when {text} is not null then 'date_unreadable' end end",
        cases((f"not {canonical}", "date_format_fixed")),
    )


def _year_month(text: str, plain: str, steps: Steps) -> Cleaned:
    pattern = "^(\\d{4})(-|\\.|/|年)?(\\d{1,2})(月|((-|\\.|/|月)?\\d{1,2}日?))?$"
    strict = "^(\\d{4})-?(0[1-9]|1[0-2])$"
    month = steps.add(f"try_cast(regexp_extract({plain}, '{pattern}', 3) as integer)")
    year = steps.add(f"regexp_extract({plain}, '{pattern}', 1)")
    good = steps.add(
        f"(regexp_matches({plain}, '{pattern}') and {month} between 1 and 12 and {year} between '1900' and '2100')"
    )
    return Cleaned(
        f"case when {good} then {year} || lpad(cast({month} as varchar), 2, '0') end",
        cases((f"not {good}", "date_unreadable")),
        cases((f"not regexp_matches({text}, '{strict}')", "date_format_fixed")),
    )


def _class_name(text: str, narrowed: str, steps: Steps) -> Cleaned:
    plain = steps.add(f"replace(replace({narrowed}, ' ', ''), '届', '级')")
    number = steps.add(f"regexp_extract({plain}, '([0-9]+|[一二三四五六七八九十]+)\\)?班$', 1)")
    chinese = "".join(CHINESE_DIGITS)
    units = f"(strpos('{chinese}', right({number}, 1)))"
    spoken = (
        f"case when {number} = '十' then 10 "
        f"when length({number}) = 1 then {units} "
        f"when {number} like '十_' then 10 + {units} "
        f"when {number} = '二十' then 20 when {number} like '二十_' then 20 + {units} end"
    )
    class_no = steps.add(f"coalesce(try_cast({number} as integer), {spoken})")
    year = (
        f"coalesce(try_cast(nullif(regexp_extract({plain}, '^((?:19|20)[0-9]{{2}})级?', 1), '') as integer), "
        "derived_entry_year)"
    )
    name = steps.add(f"cast({year} as varchar) || '级' || cast({class_no} as varchar) || '班'")
    return Cleaned(
        f"case when {class_no} > 0 then {name} end",
        f"case when {text} is not null and {name} is null then 'value_unreadable' end",
        cases((f"{name} <> {text}", "class_name_parsed")),
    )


def _school_code(text: str, narrowed: str, steps: Steps) -> Cleaned:
    """A code of the registry, or system and id of an organisation that waits for its row in organisation_alias."""
    code = _shaped(text, narrowed, "school_code_is_valid", "school_code_invalid", steps)
    is_foreign = steps.add(f"regexp_full_match({text}, {literal(FOREIGN_ORGANISATION)})")
    return Cleaned(
        f"case when {is_foreign} then {text} else {code.value} end",
        f"case when not {is_foreign} then {code.fault} end",
        f"case when not {is_foreign} then {code.fix} end",
    )


def _shaped(text: str, narrowed: str, macro: str, reason: str, steps: Steps) -> Cleaned:
    plain = steps.add(f"upper(replace({narrowed}, ' ', ''))")
    good = steps.add(f"{macro}({plain})")
    return Cleaned(
        f"case when {good} then {plain} end",
        cases((f"not {good}", reason)),
        cases((f"{plain} <> {text}", "id_format_fixed")),
    )


def _pattern(text: str, narrowed: str, pattern: str, steps: Steps) -> Cleaned:
    plain = steps.add(f"replace({narrowed}, ' ', '')")
    good = steps.add(f"regexp_matches({plain}, {literal(pattern)})")
    return Cleaned(
        f"case when {good} then {plain} end",
        cases((f"not {good}", "value_unreadable")),
        cases((f"{plain} <> {text}", "id_format_fixed")),
    )


def _identifier(field: FieldSpec, contract: Contract, text: str, narrowed: str, steps: Steps) -> Cleaned:
    if field.namespace == "xjh":
        return _shaped(text, narrowed, "xjh_is_valid", "value_unreadable", steps)
    if field.namespace == OPAQUE:
        return Cleaned(
            f"case when length({text}) <= {field.width or 64} then {text} end",
            cases((f"length({text}) > {field.width or 64}", "value_too_long")),
            cases(),
        )
    if field.namespace != "cn_id":
        account = steps.add(f"replace({narrowed}, ' ', '')")
        return Cleaned(
            f"case when length({account}) <= {field.width or 64} then {account} end",
            cases((f"length({account}) > {field.width or 64}", "value_too_long")),
            cases((f"{account} <> {text}", "id_format_fixed")),
        )
    plain = steps.add(f"upper(replace({narrowed}, ' ', ''))")
    changed = f"{plain} <> {text}"
    is_resident = f"({_id_type(contract)} = '{RESIDENT_ID_TYPE}')"
    converted = steps.add(f"resident_id_from_15({plain})")
    valid = steps.add(f"resident_id_is_valid({plain})")
    is_float = steps.add(
        f"(regexp_matches({text}, {literal(SCIENTIFIC)}) "
        f"or (regexp_matches({plain}, {literal(LOST_DIGITS)}) and not {valid}))"
    )
    other = steps.add(f"regexp_full_match({plain}, '[0-9A-Z()/-]{{4,30}}')")
    return Cleaned(
        f"case when {is_resident} and {valid} then {plain} when {is_resident} then {converted} "
        f"when {other} and not {is_float} then {plain} end",
        cases(
            (is_float, "id_as_float"),
            (f"{is_resident} and not {valid} and {converted} is null", "id_check_digit"),
            (f"not {is_resident} and not {other}", "value_unreadable"),
        ),
        cases((f"{is_resident} and {converted} is not null", "id_15_converted"), (changed, "id_format_fixed")),
    )


def _id_type(contract: Contract) -> str:
    """Return SQL of the document's type code; where the contract has none, every number is a resident ID."""
    names = [field.name for field in contract.fields if field.code_set == "SFZJLX"]
    return f"coalesce({quoted('c_' + names[0])}.code, '{RESIDENT_ID_TYPE}')" if names else f"'{RESIDENT_ID_TYPE}'"
