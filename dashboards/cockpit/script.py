"""The script that all pages with filters share: it draws what the page's JSON holds, and needs Plotly and no network."""

SCRIPT = r"""
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const $ = id => document.getElementById(id);
  const FONT = getComputedStyle(document.body).fontFamily;
  const STATES = {h: "* 人数较少，隐藏", n: "未报", z: "分母为零", p: "部分学校未报"};
  const INK = "#1c2b36", GRID = "#e4e9ec", PLAIN = "#3f9bb5", GOOD = "#2b8a78", BAD = "#c8553d", PICKED = "#e9a15b";
  const LINES = ["#0b5d7a", "#bc5090", "#e9b44c", "#2b8a78", "#7a5195", "#c8553d", "#58585a", "#8aa29e", "#3f9bb5", "#a0612f"];
  const MOST = 8, LETTER = 8;
  // Rows: indicator, period, area, stage, value, state, met (1, 0, null), threshold
  const rows = D.rows.map(r => ({i: r[0], p: r[1], a: r[2], s: r[3], v: r[4], st: r[5], m: r[6], t: r[7]}));
  const uniq = list => [...new Set(list)];
  const esc = t => String(t).replace(/[&<>"]/g, c => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;"}[c]));
  const area = code => D.areas[code] || {name: code};
  const wide = () => window.innerWidth > 700;
  // On a wall screen the page's letters are larger, and so are those of the pictures.
  const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

  function fill(select, pairs, all) {
    const old = select.value;
    select.innerHTML = (all ? `<option value="">${all}</option>` : "") +
      pairs.map(([v, t]) => `<option value="${esc(v)}">${esc(t)}</option>`).join("");
    if ([...select.options].some(o => o.value === old)) select.value = old;
  }
  const text = (ind, row) => {
    if (!row) return "—";
    if (row.v === null) return row.st === "h" ? "*" : STATES[row.st] || "—";
    return row.v.toLocaleString("zh-CN", {minimumFractionDigits: ind.d, maximumFractionDigits: ind.d}) + (row.st === "p" ? "†" : "");
  };
  // What the city has as a mean or share lies between its counties; a total does not, and beside it no county could be read.
  const between = (city, cells) => {
    const shown = cells.filter(r => r.v !== null).map(r => r.v);
    return Boolean(city && city.v !== null && shown.length && city.v >= Math.min(...shown) && city.v <= Math.max(...shown));
  };
  const isCity = row => area(row.a).level === "city";
  const colour = (row, picked) => row.a === picked ? PICKED : row.m === 1 ? GOOD : row.m === 0 ? BAD : PLAIN;

  function choices() {
    const own = rows.filter(r => r.i === $("f-indicator").value), found = D.stages.filter(s => own.some(r => r.s === s[0]));
    // Many stages are looked at one by one.
    fill($("f-stage"), found, found.length > MOST ? null : D.allStages);
    $("l-stage").hidden = found.length < 2;
    const stage = $("f-stage").value;
    fill($("f-period"), uniq(own.filter(r => !stage || r.s === stage).map(r => r.p)).sort().reverse().map(p => [p, p]));
  }

  function layout(extra) {
    return Object.assign({
      font: {family: FONT, size: 13 * scale(), color: INK}, margin: {l: 10, r: 10, t: 30, b: 10}, paper_bgcolor: "#fff",
      plot_bgcolor: "#fff", separators: ".,", showlegend: false
    }, extra);
  }
  const config = {displayModeBar: false, responsive: true};

  function bars(ind, own, stages, picked) {
    const home = $("c-bars");
    [...home.querySelectorAll(".plot")].forEach(Plotly.purge);
    home.innerHTML = stages.map((s, n) => `<div>${stages.length > 1 || s[0] !== "all" ? `<h3>${esc(s[1])}</h3>` : ""}<div class="plot" role="img" id="p${n}"></div></div>`).join("");
    home.classList.toggle("many", stages.length > 1);
    stages.forEach((stage, n) => {
      const cell = own.filter(r => r.s === stage[0] && !isCity(r)).sort((x, y) => area(y.a).order - area(x.a).order);
      const city = own.find(r => r.s === stage[0] && isCity(r));
      if (cell.length && cell.every(r => r.v === null)) {
        $(`p${n}`).textContent = `没有可显示的数值：${uniq(cell.map(r => STATES[r.st] || "未报")).join("、")}`;
        return;
      }
      const limit = cell.map(r => r.t).find(t => t !== null), shapes = [];
      const mark = (x, dash, ink) => shapes.push({type: "line", layer: "below", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: {color: ink, width: 2 * scale(), dash}});
      if (limit !== undefined) mark(limit, "dash", INK);
      if (between(city, cell)) mark(city.v, "dot", "#7a5195");
      const trace = {type: "bar", orientation: "h", y: cell.map(r => r.a), x: cell.map(r => r.v === null ? 0 : r.v),
        marker: {color: cell.map(r => colour(r, picked))}, text: cell.map(r => text(ind, r)), textangle: 0, constraintext: "none",
        textposition: "outside", cliponaxis: false, customdata: cell.map(r => area(r.a).name),
        hovertemplate: `%{customdata} %{text}${ind.u}<extra></extra>`};
      const most = Math.max(...cell.map(r => Math.abs(r.v || 0)), limit || 0) || 1;
      const least = Math.min(...cell.map(r => r.v || 0), 0);
      // Figures stand beside their bars, so the longest one needs its width beyond the longest bar, on a phone too.
      const room = LETTER * scale() * Math.max(...trace.text.map(t => t.length));
      Plotly.newPlot(`p${n}`, [trace], layout({height: (50 + 27 * Math.max(cell.length, 2)) * scale(), bargap: 0.25, shapes, margin: {l: 10, r: 10 + room, t: 6, b: 10},
        xaxis: {gridcolor: GRID, fixedrange: true, automargin: true, range: [least * 1.15, most * 1.02], nticks: 6},
        yaxis: {type: "category", automargin: true, fixedrange: true, ticklabelstandoff: 4, tickvals: cell.map(r => r.a), ticktext: cell.map(r => area(r.a).name)}}), config);
      $(`p${n}`).setAttribute("aria-label", `${ind.n}，${stage[1]}，${$("f-period").value}，各${D.areaWord}条形图；数值见下表`);
    });
  }

  function trend(ind, all, stage, picked) {
    const cell = all.filter(r => r.s === stage[0]), periods = uniq(cell.map(r => r.p)).sort();
    $("b-trend").hidden = periods.length < 2 || D.noTrend || cell.every(r => r.v === null);
    if ($("b-trend").hidden) return;
    const hasCity = periods.every(p => {
      const now = cell.filter(r => r.p === p), city = now.find(isCity);
      return !city || city.v === null || between(city, now.filter(r => !isCity(r)));
    });
    const list = uniq(cell.map(r => r.a)).filter(a => hasCity || area(a).level !== "city").sort((x, y) => area(x).order - area(y).order);
    const traces = list.map((a, n) => {
      const on = !picked || a === picked || area(a).level === "city";
      return {type: "scatter", mode: "lines+markers", name: area(a).name, x: periods,
        y: periods.map(p => (cell.find(r => r.a === a && r.p === p) || {v: null}).v), opacity: on ? 1 : 0.25,
        line: {color: area(a).level === "city" ? INK : LINES[n % LINES.length], width: (a === picked || area(a).level === "city" ? 4 : 2) * scale()}, marker: {size: 6 * scale()},
        hovertemplate: `%{fullData.name} %{x}：%{y}${ind.u}<extra></extra>`};
    });
    Plotly.react("c-trend", traces, layout({height: 420 * scale(), showlegend: true, legend: {orientation: "h", y: -0.15},
      xaxis: {type: "category", fixedrange: true, automargin: true}, yaxis: {gridcolor: GRID, fixedrange: true, automargin: true}}), config);
    $("c-trend").setAttribute("aria-label", `${ind.n} ${stage[1]} 各周期变化折线图；数值见下表`);
    $("t-trend").textContent = stage[0] === "all" || D.stages.length < 2 ? "变化" : `变化(${stage[1]})`;
  }

  function table(ind, own, stages, picked) {
    const list = uniq(own.map(r => r.a)).sort((x, y) => area(x).order - area(y).order);
    const head = `<tr><th scope="col">${esc(D.areaWord)}</th>` + stages.map(s => `<th scope="col">${esc(s[1])}</th>`).join("") + "</tr>";
    const body = list.map(a => `<tr${a === picked ? ' class="picked"' : ""}><th scope="row">${esc(area(a).name)}</th>` + stages.map(s => {
      const row = own.find(r => r.a === a && r.s === s[0]);
      const verdict = !row || row.m === null ? "" : row.m ? " ✓" : " ✗";
      return `<td title="${row && row.st ? esc(STATES[row.st] || "") : ""}">${esc(text(ind, row))}${verdict}</td>`;
    }).join("") + "</tr>").join("");
    $("table").innerHTML = `<caption>${esc(ind.n)}(${esc(ind.u || "无单位")})，${esc($("f-period").value)}</caption><thead>${head}</thead><tbody>${body}</tbody>`;
    const used = uniq(own.map(r => r.st)).filter(s => s);
    $("legend").textContent = [own.some(r => r.m !== null) ? "✓ 达标 ✗ 未达标" : "", used.includes("h") ? "* 人数较少，不予显示，不等于零" : "",
      used.includes("p") ? "† 部分学校未报" : ""].filter(t => t).join("；");
    const limits = stages.map(s => [s[1], (own.find(r => r.s === s[0] && r.t !== null) || {t: null}).t]).filter(l => l[1] !== null);
    const same = uniq(limits.map(l => l[1])).length < 2;
    $("facts").innerHTML = `<a href="indicators.html#${esc(ind.link)}">口径与依据：${esc(ind.n)}</a> · 周期 ${esc($("f-period").value)} · ` +
      `数据状态 ${esc(D.status)} · 来源 ${esc(ind.src)}` + (limits.length ? ` · 标准 ${(same ? limits.slice(0, 1).map(l => l[1]) : limits.map(l => l[0] + " " + l[1])).join("、")}${esc(ind.u)}(虚线)` : "") +
      (stages.some(s => between(own.find(r => r.s === s[0] && isCity(r)), own.filter(r => r.s === s[0] && !isCity(r)))) ? " · 全市值(点线)" : "");
    $("said").textContent = `已显示 ${ind.n}，${$("f-period").value}，${list.length} 个${D.areaWord}`;
  }

  function draw() {
    const ind = D.indicators[$("f-indicator").value], group = D.groups ? $("f-area").value : "";
    const picked = D.groups ? "" : $("f-area").value;
    const all = rows.filter(r => r.i === $("f-indicator").value && (!D.groups || area(r.a).group === group));
    const own = all.filter(r => r.p === $("f-period").value);
    const found = D.stages.filter(s => own.some(r => r.s === s[0]));
    const stages = $("f-stage").value ? found.filter(s => s[0] === $("f-stage").value) : found;
    const shown = own.filter(r => stages.some(s => s[0] === r.s));
    if (window.Plotly && stages.length) { bars(ind, shown, stages, picked); trend(ind, all, stages[0], picked); }
    table(ind, shown, stages, picked);
    history.replaceState(null, "", "#" + ["indicator", "stage", "period", "area"].map(f => encodeURIComponent($("f-" + f).value)).join("/"));
  }

  const asked = decodeURIComponent(location.hash.slice(1)).split("/");
  fill($("f-indicator"), Object.entries(D.indicators).map(([c, i]) => [c, i.n]));
  fill($("f-area"), D.groups || Object.entries(D.areas).filter(([, a]) => a.level !== "city").map(([c, a]) => [c, a.name]), D.groups ? null : D.allAreas);
  const take = (id, v) => { if (v && [...$(id).options].some(o => o.value === v)) $(id).value = v; };
  // A page opens with an indicator of which most can be shown.
  const shownShare = code => { const own = rows.filter(r => r.i === code); return own.filter(r => r.v !== null).length / (own.length || 1); };
  const codes = [...$("f-indicator").options].map(o => o.value), best = Math.max(...codes.map(shownShare));
  take("f-indicator", codes.find(c => shownShare(c) >= Math.min(0.5, best)));
  take("f-indicator", asked[0]); choices(); take("f-stage", asked[1]); choices(); take("f-period", asked[2]); take("f-area", asked[3]);
  ["f-indicator", "f-stage", "f-period", "f-area"].forEach(id => $(id).addEventListener("change", () => { choices(); draw(); }));
  $("filters").addEventListener("submit", e => e.preventDefault());
  window.addEventListener("resize", () => { clearTimeout(window.later); window.later = setTimeout(draw, 150); });
  draw();
})();
"""

NAVIGATE = """
// Where the navigation is one line that is wider than the screen, the page's own place is in sight.
(() => {
  const list = document.querySelector("nav ul"), here = list.querySelector("[aria-current]");
  if (here) list.scrollLeft = here.offsetLeft - list.offsetLeft - (list.clientWidth - here.offsetWidth) / 2;
})();
"""

BOXED = """
  // The boxes of a picture keep the height that it was first drawn with, and what is larger would lie over what follows.
  const boxed = (chart, height) => [chart, chart.parentElement].forEach(box => {
    if (box.style.height) box.style.height = `${height}px`;
  });
"""

PAPER = (
    """
(() => {
"""
    + BOXED
    + """
  // A4 less its margins; a picture keeps the width of the screen otherwise and is cut off.
  const WIDTH = 700, SIZE = 11, kept = new Map();
  addEventListener("beforeprint", () => document.querySelectorAll(".js-plotly-plot").forEach(chart => {
    kept.set(chart, {"font.size": chart.layout.font.size, height: chart.layout.height});
    const height = chart.layout.height * SIZE / chart.layout.font.size;
    boxed(chart, height);
    Plotly.relayout(chart, {width: WIDTH, height, "font.size": SIZE});
  }));
  addEventListener("afterprint", () => kept.forEach((was, chart) => {
    boxed(chart, was.height);
    Plotly.relayout(chart, {width: null, autosize: true, ...was});
  }));
})();
"""
)
"""Brings the pictures to the width of paper while the page is printed."""

ENLARGE = (
    """
(() => {
"""
    + BOXED
    + """
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  if (scale <= 1) return;
  for (const chart of document.querySelectorAll(".js-plotly-plot")) {
    const height = chart.layout.height * scale;
    boxed(chart, height);
    Plotly.relayout(chart, {"font.size": chart.layout.font.size * scale, height});
  }
})();
"""
)
"""For pictures that are drawn already: on a wall screen their letters and heights grow with the page's."""
