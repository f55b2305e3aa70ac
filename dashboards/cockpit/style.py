"""The page's style sheet: calm, printable, readable on a phone and on a wall."""

STYLE = """
:root { --ink: #1c2b36; --soft: #5d6d78; --line: #d9e0e4; --paper: #f6f8f9; --brand: #0b5d7a; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font-family: "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; line-height: 1.6; }
header { background: var(--brand); color: #fff; padding: 1.6rem max(1rem, calc((100vw - 76rem) / 2)); }
header h1 { margin: 0; font-size: 1.9rem; letter-spacing: .04em; }
header p { margin: .1rem 0; }
.place { opacity: .85; }
main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
section { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
#headline { background: none; border: 0; padding: 0; }
h2 { margin: 0; font-size: 1.2rem; }
.note { color: var(--soft); margin: .2rem 0 .6rem; font-size: .92rem; }
.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); }
.cards li { background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  display: flex; flex-direction: column; }
.cards .label { color: var(--soft); font-size: .92rem; }
.cards .value { font-size: 1.8rem; font-weight: 700; color: var(--brand); }
.cards small { font-size: .95rem; font-weight: 400; margin-left: .25rem; }
.cards .note { margin: 0; font-size: .82rem; }
.chart { min-height: 24rem; }
.maps { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
.maps h3 { margin: 0 0 .4rem; font-size: 1.02rem; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .4rem; }
.tile { border-radius: .4rem; padding: .5rem; min-height: 6.2rem; font-size: .82rem; line-height: 1.4;
  display: flex; flex-direction: column; justify-content: space-between; }
.tile b { font-size: .98rem; }
.tile .count { font-size: 1.25rem; font-weight: 700; }
.tile.zone { border: 1px dashed var(--soft); background: #fff; color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1rem; margin: .8rem 0 0; padding: 0; list-style: none; font-size: .85rem; }
.legend span { display: inline-block; width: 1rem; height: 1rem; border-radius: .2rem; margin-right: .3rem; vertical-align: -.15rem; }
details { margin-top: .8rem; }
summary { cursor: pointer; color: var(--brand); }
summary:focus-visible { outline: 2px solid var(--brand); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin-top: .5rem; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child, thead th { text-align: left; }
thead th { background: var(--paper); }
footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem 2rem; color: var(--soft); font-size: .85rem; }
@media print { body { background: #fff; } section { break-inside: avoid; } header { color: #000; background: #fff; } }
"""
