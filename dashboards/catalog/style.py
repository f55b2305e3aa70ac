"""Style sheet and script of the catalogue: calm, printable, readable on a phone; nothing is fetched."""

STYLE = """
:root { --ink: #1c2b36; --soft: #5d6d78; --line: #d9e0e4; --paper: #f6f8f9; --brand: #0b5d7a; --pale: #e8f1f4; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.6;
  font-family: "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; }
header { background: var(--brand); color: #fff; padding: 1.1rem max(1rem, calc((100vw - 82rem) / 2 + 1rem)); }
header h1 { margin: 0; font-size: 1.6rem; }
header p { margin: .1rem 0; opacity: .9; }
header a { color: #fff; }
nav.path { font-size: .88rem; }
main { max-width: 82rem; margin: 0 auto; padding: 1rem; }
section { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
h2 { margin: 0 0 .5rem; font-size: 1.15rem; }
h2 small { color: var(--soft); font-weight: 400; font-size: .85rem; margin-left: .4rem; }
a { color: var(--brand); }
code { font-family: "Noto Sans Mono CJK SC", "DejaVu Sans Mono", Consolas, monospace; font-size: .86em; }
.find { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; }
.find input { flex: 1 1 20rem; font: inherit; padding: .55rem .8rem; border: 1px solid #9fb2bc; border-radius: .4rem; }
.find input:focus { outline: 2px solid var(--brand); border-color: transparent; }
.find label { font-size: .9rem; white-space: nowrap; }
#found { margin: .8rem 0 0; padding: 0; list-style: none; }
#found li { padding: .35rem 0; border-top: 1px solid var(--line); }
#found .where { color: var(--soft); font-size: .86rem; }
.numbers { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); margin: 0 0 1rem; padding: 0; list-style: none; }
.numbers li { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: .6rem 1rem; }
.numbers b { display: block; font-size: 1.5rem; color: var(--brand); line-height: 1.3; }
.numbers span { color: var(--soft); font-size: .88rem; }
.tables { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); margin: 0; padding: 0; list-style: none; }
.tables a { display: block; height: 100%; padding: .55rem .8rem; border: 1px solid var(--line); border-radius: .4rem; text-decoration: none; color: inherit; }
.tables a:hover, .tables a:focus-visible { border-color: var(--brand); background: var(--pale); outline: none; }
.tables b { display: block; font-weight: 600; color: var(--brand); }
.tables code { color: var(--soft); }
.tag { display: inline-block; font-size: .75rem; border-radius: .7rem; padding: 0 .55rem; background: var(--pale); color: var(--brand); margin-left: .3rem; vertical-align: .1em; }
.tag.L3, .tag.L4 { background: #fbeee4; color: #8a4310; }
.tag.served { background: #e3f2e8; color: #1d6a3a; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
thead th { background: var(--paper); white-space: nowrap; border-bottom: 2px solid var(--line); }
tbody tr:hover { background: var(--paper); }
tr:target { background: #fff7d6; }
td.keep { white-space: nowrap; }
td.wide { min-width: 16rem; color: var(--soft); }
.lineage { display: block; width: 100%; height: auto; }
.lineage rect { fill: #fff; stroke: #9fb2bc; }
.lineage .own rect { fill: var(--brand); stroke: var(--brand); }
.lineage .own text { fill: #fff; }
.lineage .collection rect { fill: #f2f0fa; } .lineage .storage rect { fill: #e8f1f4; }
.lineage .management rect { fill: #f7f4e8; } .lineage .analysis rect { fill: #e9f5ec; }
.lineage .query rect { fill: #fbeee4; } .lineage .visualization rect { fill: #fdeaea; }
.lineage a:hover rect, .lineage a:focus rect { stroke: var(--brand); stroke-width: 2; }
.lineage text { font-size: 13px; fill: var(--ink); }
.lineage .name { font-size: 10.5px; fill: var(--soft); font-family: "DejaVu Sans Mono", Consolas, monospace; }
.lineage .own .name { fill: #d4e6ec; }
.lineage .more { fill: var(--soft); }
.lineage .way { fill: none; stroke: #b4c3cb; stroke-width: 1.3; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; color: var(--soft); font-size: .85rem; margin: .4rem 0 0; padding: 0; list-style: none; }
.good { color: #1d6a3a; } .bad { color: #a3231f; }
footer { max-width: 82rem; margin: 0 auto; padding: 0 1rem 2rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } section { padding: .8rem; } }
@media print { body { background: #fff; } .find { display: none; } section { break-inside: avoid; } }
"""

SCRIPT = """
const box = document.getElementById('q'), only = document.getElementById('only'), out = document.getElementById('found');
function plain(text) { return text.toLowerCase(); }
function show() {
  const words = plain(box.value).split(/\\s+/).filter(Boolean);
  out.textContent = '';
  document.getElementById('all').hidden = words.length > 0;
  if (!words.length) { return; }
  const hits = INDEX.filter(row => (!only.checked || row.p) && words.every(word => plain(row.t).includes(word)));
  const rank = row => (words.every(word => plain(row.l).includes(word)) ? 0 : 2) + (row.p ? 0 : 1);
  hits.sort((one, other) => rank(one) - rank(other));
  const head = document.createElement('li');
  head.className = 'where';
  head.textContent = hits.length ? `找到 ${hits.length} 项` + (hits.length > 200 ? ',列出前 200 项' : '') : '没有找到。换一个词试试。';
  out.append(head);
  for (const row of hits.slice(0, 200)) {
    const item = document.createElement('li'), link = document.createElement('a'), where = document.createElement('span');
    link.href = row.h; link.textContent = row.l;
    where.className = 'where'; where.textContent = '  ' + row.w;
    item.append(link, where); out.append(item);
  }
}
box.addEventListener('input', show); only.addEventListener('change', show);
if (location.hash.startsWith('#q=')) { box.value = decodeURIComponent(location.hash.slice(3)); show(); }
"""
