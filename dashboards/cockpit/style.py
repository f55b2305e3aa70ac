"""The page's style sheet: calm, printable, readable on a phone and on a wall."""

STYLE = """
:root { --wide: 76rem; --ink: #1c2b36; --soft: #5d6d78; --line: #d9e0e4; --paper: #f6f8f9; --brand: #0b5d7a; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font-family: "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; line-height: 1.6; }
header { background: var(--brand); color: #fff; padding: 1.6rem max(1rem, calc((100vw - var(--wide)) / 2 + 1rem)); }
header h1 { margin: 0; font-size: 1.9rem; letter-spacing: .04em; }
header p { margin: .1rem 0; }
.place { opacity: .85; }
main { max-width: var(--wide); margin: 0 auto; padding: 1rem; }
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
footer { max-width: var(--wide); margin: 0 auto; padding: 0 1rem 2rem; color: var(--soft); font-size: .85rem; }
@media print { body { background: #fff; } #c-bars > div, .chart, .tile, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; } #c-bars.many { display: block; } header { color: #000; background: #fff; padding: 0 1rem; } }
.skip { position: absolute; left: -99rem; background: #fff; padding: .5rem 1rem; z-index: 2; }
.skip:focus { left: .5rem; top: .5rem; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
nav { background: #fff; border-bottom: 1px solid var(--line); padding: 0 max(1rem, calc((100vw - var(--wide)) / 2 + 1rem)); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin: 0; padding: 0; }
nav a { display: block; padding: .55rem 0; color: var(--ink); text-decoration: none; border-bottom: 3px solid transparent; }
nav a:hover { color: var(--brand); }
nav a[aria-current] { color: var(--brand); font-weight: 700; border-color: var(--brand); }
a { color: var(--brand); }
a:focus-visible, select:focus-visible, .scroll:focus-visible { outline: 3px solid #e9a15b; outline-offset: 2px; }
#filters { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; margin-bottom: .6rem; }
#filters label { display: flex; flex-direction: column; font-size: .85rem; color: var(--soft); }
#filters select { font: inherit; font-size: 1rem; color: var(--ink); padding: .35rem .5rem; border: 1px solid #9fb0ba; border-radius: .35rem;
  background: #fff; max-width: min(24rem, 84vw); }
#c-bars.many { display: grid; gap: .6rem 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
#c-bars > div { min-width: 0; }
#c-bars h3 { margin: .4rem 0 0; font-size: 1rem; }
.plot text.bartext { paint-order: stroke; stroke: #fff; stroke-width: 5px; stroke-linejoin: round; }
[hidden] { display: none !important; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
tbody th { font-weight: 400; background: #fff; position: sticky; left: 0; }
tr.picked th, tr.picked td { background: #fdf0e2; }
.definition { border-top: 1px solid var(--line); padding: .7rem 0; scroll-margin-top: 1rem; }
.definition:target { background: #fdf0e2; }
.definition h3 { margin: 0 0 .2rem; font-size: 1.02rem; }
.definition dl { display: grid; grid-template-columns: 6.5rem 1fr; gap: .1rem .8rem; margin: 0; font-size: .92rem; }
.definition dt { color: var(--soft); }
.definition dd { margin: 0; overflow-wrap: anywhere; }
.checklist th[scope=row] { white-space: normal; min-width: 18rem; text-align: left; }
.checklist td:nth-child(3) { white-space: normal; min-width: 8rem; text-align: left; }
.checklist .met { color: #1f6b5c; }
.checklist .not_met { color: #a63c24; font-weight: 700; }
.checklist .not_collected, .checklist .not_reported, .checklist .not_applicable { color: var(--soft); }
@media (max-width: 40rem) { header h1 { font-size: 1.4rem; } section { padding: .8rem; } main { padding: .6rem; }
  .checklist { font-size: .8rem; } .checklist th[scope=row] { min-width: 9rem; } .checklist td:nth-child(3) { min-width: 5rem; }
  .definition dl { grid-template-columns: 1fr; } nav ul { flex-wrap: nowrap; overflow-x: auto; } nav a { white-space: nowrap; } }
@media (min-width: 120rem) { html { font-size: 125%; } :root { --wide: 92rem; } }
@media (min-width: 200rem) { html { font-size: 225%; } }
@media print { .tile, .legend span, tr.picked, thead th { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  h2 + .note { break-after: avoid; } .chart { min-height: 0; } footer { break-before: avoid; padding-bottom: 0; }
  .checklist, .checklist .note { font-size: .66rem; } .checklist th, .checklist td { padding: .2rem .25rem; }
  .checklist thead th:first-child, .checklist td:nth-child(3) { white-space: normal; }
  .checklist th[scope=row] { min-width: 0; } .checklist td:nth-child(3) { min-width: 0; } }
@media print { nav, #filters, .skip { display: none; } .scroll { overflow: visible; } a { color: inherit; } }
"""
