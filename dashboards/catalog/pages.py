"""Writes the catalogue's pages: an index that can be searched, a page a table, a page a dataset, the code sets."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from dashboards.catalog.content import LAYERS, LEVELS, Column, Content, Table, type_name
from dashboards.catalog.picture import lineage_svg
from dashboards.catalog.style import SCRIPT, STYLE
from edu.contract import Contract
from edu.dictionary import level_of

ROLES = {"primary": "主数据源(权威)", "secondary": "参考数据源"}
CODES_PAGE = "codes.html"


def write_pages(content: Content, out: Path, *, home_link: str | None = None) -> int:
    """Write all pages into the folder `out` (made if missing); return how many.

    `home_link` is where the cockpit is, as seen from `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    pages = {"index.html": _index(content, home_link), CODES_PAGE: _codes(content)}
    pages |= {table.page: _table(content, table) for table in content.tables.values()}
    pages |= {dataset_page(contract): _dataset(contract, content) for contract in content.contracts.values()}
    for name, text in pages.items():
        (out / name).write_text(text, encoding="utf-8")
    return len(pages)


def dataset_page(contract: Contract) -> str:
    """Return the file name of a dataset's page."""
    return f"dataset.{contract.dataset}.html"


def _page(title: str, lead: str, body: str, path: str) -> str:
    return f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · 教育数据字典</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header>
<nav class="path">{path}</nav>
<h1>{escape(title)}</h1>
<p>{lead}</p>
</header>
<main>
{body}
</main>
<footer><p>由数据合同、数据模型与运行记录自动生成,与系统实际使用的规则一致。字段的英文说明供工程人员使用。</p></footer>
</body>
</html>
"""


def _tags(table: Table) -> str:
    served = '<span class="tag served">已发布</span>' if table.is_published else ""
    return f'<span class="tag {table.level}">{table.level} {LEVELS[table.level]}</span>{served}'


def _index(content: Content, home_link: str | None) -> str:
    tables = list(content.tables.values())
    columns = [column for table in tables for column in table.columns]
    served = [column for table in tables if table.is_published for column in table.columns]
    labelled = sum(bool(column.label) for column in served)
    numbers = [
        (len(content.contracts), "报送数据集"),
        (len(tables), "数据表"),
        (len(columns), "字段"),
        (len(content.codes), "代码集"),
        (f"{labelled}/{len(served)}", "已发布字段有中文名称"),
    ]
    cards = "".join(f"<li><b>{value}</b><span>{label}</span></li>" for value, label in numbers)
    groups = []
    for layer, label in LAYERS.items():
        own = [table for table in tables if table.schema == layer]
        items = "".join(
            f'<li><a href="{table.page}"><b>{escape(table.label)}{_tags(table)}</b><code>{table.full_name}</code></a></li>'
            for table in own
        )
        groups.append(
            f'<section id="{layer}"><h2>{label}<small>{layer} · {len(own)} 张表</small></h2>'
            f'<ul class="tables">{items}</ul></section>'
        )
    datasets = "".join(
        f'<li><a href="{dataset_page(contract)}"><b>{escape(contract.label)}</b>'
        f"<code>{contract.dataset}</code> · {escape(contract.authority.office)}</a></li>"
        for contract in content.contracts.values()
    )
    body = f"""<ul class="numbers">{cards}</ul>
<section><h2>查找</h2>
<div class="find"><input id="q" type="search" placeholder="字段、中文名称、数据项编号、数据表,例如:班额 或 JCXS0101" aria-label="查找字段与数据表" autofocus>
<label><input id="only" type="checkbox"> 只看已发布的</label></div>
<ul id="found" aria-live="polite"></ul></section>
<div id="all">
<section id="datasets"><h2>报送数据集<small>学校与县(市、区)报送的内容</small></h2><ul class="tables">{datasets}</ul></section>
{"".join(groups)}
<section><h2>数据级别</h2><dl>{"".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in LEVELS.items())}</dl></section>
</div>
<script>const INDEX = {_search_index(content)};{SCRIPT}</script>"""
    back = f'<a href="{escape(home_link)}">驾驶舱</a> / 数据字典' if home_link else "数据字典"
    return _page(
        "教育数据字典",
        f'每一张表、每一个字段的含义、来源、级别与质量。<a href="{CODES_PAGE}">全部代码集</a>',
        body,
        back,
    )


def _search_index(content: Content) -> str:
    rows = []
    for table in content.tables.values():
        rows.append(
            {
                "h": table.page,
                "l": table.label,
                "w": f"{LAYERS[table.schema]} · {table.full_name}",
                "t": f"{table.label} {table.full_name} {LAYERS[table.schema]} {table.purpose}",
                "p": table.is_published,
            }
        )
        rows += [
            {
                "h": f"{table.page}#{column.name}",
                "l": f"{column.label}({column.name})",
                "w": f"{table.label} · {table.full_name}",
                "t": f"{column.label} {column.name} {column.meaning} {column.item} {column.code_set} {table.label}",
                "p": table.is_published,
            }
            for column in table.columns
        ]
    rows += [
        {
            "h": f"{dataset_page(contract)}#{spec.name}",
            "l": f"{spec.label}({spec.name})",
            "w": f"报送数据集 · {contract.label}",
            "t": f"{spec.label} {spec.name} {spec.item or ''} {' '.join(spec.aliases)} {contract.label}",
            "p": False,
        }
        for contract in content.contracts.values()
        for spec in contract.fields
    ]
    # A closing tag inside a script would end it.
    return json.dumps(rows, ensure_ascii=False).replace("</", "<\\/")


def _table(content: Content, table: Table) -> str:
    sources = [content.contracts[name] for name in table.datasets]
    owners = "、".join(dict.fromkeys(contract.authority.office for contract in sources)) or "市教育局数据平台"
    truth = (
        "<br>".join(
            f'<a href="{dataset_page(c)}">{escape(c.label)}</a>:{ROLES[c.authority.role]}({escape(c.authority.items)})'
            for c in sources
        )
        or "平台运行记录与参考表"
    )
    fresh = " · ".join(
        text
        for text in (
            f"最近生成 {table.built_at}" if table.built_at else "",
            f"所用数据最近收到 {table.received_at}" if table.received_at else "",
        )
        if text
    )
    if table.checks:
        state = (
            f'<span class="bad">{table.failed} 项未通过</span>'
            if table.failed
            else '<span class="good">全部通过</span>'
        )
        quality = f"质量门 {table.checks} 项检查,{state};"
    else:
        quality = ""
    columns = "".join(_column_row(content, column) for column in table.columns)
    purpose = f"<dt>一行是什么、做什么用</dt><dd>{escape(table.purpose)}</dd>\n" if table.purpose else ""
    body = f"""<section><dl>
{purpose}<dt>级别</dt><dd>{_tags(table)}</dd>
<dt>数源单位</dt><dd>{escape(owners)}</dd>
<dt>数据来源(一数一源)</dt><dd>{truth}</dd>
<dt>更新</dt><dd>{fresh or "尚未生成"}</dd>
<dt>质量</dt><dd>{quality}模型测试 {table.tests} 项</dd>
<dt>英文说明(供工程人员)</dt><dd>{escape(table.description)}</dd>
</dl></section>
<section><h2>数据来源与去向</h2><div class="scroll">{lineage_svg(content, table)}</div>
<ul class="legend"><li>自左向右:由什么生成 → 本表 → 被什么使用</li><li>点击方框进入该表</li></ul></section>
<section><h2>字段<small>{len(table.columns)} 个</small></h2><div class="scroll"><table>
<thead><tr><th>中文名称</th><th>含义</th><th>字段</th><th>类型</th><th>数据项</th><th>代码集</th><th>单位</th><th>出自</th><th>英文说明(供工程人员)</th></tr></thead>
<tbody>{columns}</tbody></table></div></section>"""
    path = f'<a href="index.html">数据字典</a> / <a href="index.html#{table.schema}">{LAYERS[table.schema]}</a> / {table.full_name}'
    return _page(table.label, f"<code>{table.full_name}</code>", body, path)


def _code_link(content: Content, code_set: str) -> str:
    if not code_set:
        return ""
    return (
        f'<a href="{CODES_PAGE}#{escape(code_set)}">{escape(code_set)}</a>'
        if code_set in content.codes
        else escape(code_set)
    )


def _column_row(content: Content, column: Column) -> str:
    key = '<span class="tag L3">假名</span>' if column.is_pseudonym else ""
    return (
        f'<tr id="{escape(column.name)}"><td>{escape(column.label)}{key}</td>'
        f'<td class="wide">{escape(column.meaning)}</td><td><code>{escape(column.name)}</code></td>'
        f"<td><code>{escape(column.data_type)}</code></td><td>{escape(column.item)}</td>"
        f"<td>{_code_link(content, column.code_set)}</td><td>{escape(column.unit)}</td><td class='keep'>{escape(column.source)}</td>"
        f'<td class="wide">{escape(column.description)}</td></tr>'
    )


def _dataset(contract: Contract, content: Content) -> str:
    rows = "".join(
        f'<tr id="{spec.name}"><td>{escape(spec.label)}</td><td><code>{spec.name}</code></td>'
        f"<td>{type_name(spec.type)}</td><td>{escape(spec.item or '')}</td>"
        f"<td>{_code_link(content, spec.code_set or '')}</td><td>{escape(spec.unit or '')}</td>"
        f"<td>{'是' if spec.mandatory else ''}</td><td>{level_of(contract, spec)}</td>"
        f'<td class="wide">{escape("、".join(spec.aliases))}</td></tr>'
        for spec in contract.fields
    )
    used = [table for table in content.tables.values() if contract.dataset in table.datasets]
    tables = "".join(
        f'<li><a href="{table.page}"><b>{escape(table.label)}{_tags(table)}</b><code>{table.full_name}</code></a></li>'
        for table in used
    )
    forms = "、".join(profile.label for profile in contract.profiles.values())
    body = f"""<section><dl>
<dt>数源单位</dt><dd>{escape(contract.authority.office)}({ROLES[contract.authority.role]}:{escape(contract.authority.items)})</dd>
<dt>粒度</dt><dd>{escape(contract.grain)}</dd>
<dt>报送形式</dt><dd>{escape(forms)}</dd>
<dt>保存年限</dt><dd>{contract.retention_years} 年</dd>
<dt>暂扣界限</dt><dd>隔离行超过 {contract.max_quarantined_share:.0%} 的单元暂扣核查</dd>
</dl></section>
<section><h2>字段<small>{len(contract.fields)} 个</small></h2><div class="scroll"><table>
<thead><tr><th>中文名称</th><th>字段</th><th>类型</th><th>数据项</th><th>代码集</th><th>单位</th><th>必填</th><th>级别</th><th>也认作</th></tr></thead>
<tbody>{rows}</tbody></table></div></section>
<section><h2>用到本数据集的表<small>{len(used)} 张</small></h2><ul class="tables">{tables}</ul></section>"""
    path = f'<a href="index.html">数据字典</a> / <a href="index.html#datasets">报送数据集</a> / {contract.dataset}'
    return _page(contract.label, f"报送数据集 <code>{contract.dataset}</code>", body, path)


def _codes(content: Content) -> str:
    sections = "".join(
        f'<section id="{escape(name)}"><h2>{escape(name)}<small>{len(values)} 个代码</small></h2><div class="scroll"><table>'
        f"<thead><tr><th>代码</th><th>名称</th></tr></thead><tbody>"
        + "".join(f"<tr><td><code>{escape(code)}</code></td><td>{escape(label)}</td></tr>" for code, label in values)
        + "</tbody></table></div></section>"
        for name, values in content.codes.items()
    )
    return _page("代码集", f"共 {len(content.codes)} 个", sections, '<a href="index.html">数据字典</a> / 代码集')
