/** The report's style sheet; colours are told apart without green and red alone. */
export const reportStyle = `
:root{--ink:#1c2530;--soft:#5b6875;--line:#dde3ea;--card:#fff;--page:#f4f6f8;
--inserted:#1f7a5c;--updated:#3b8fc4;--ignored:#a9b6c4;--skipped:#d9a514;--error:#b3261e;--rejected:#e0704a;--unknown:#7a4fa3;--notSent:#5b6875}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa7b4;--line:#2d3742;--card:#1a2129;--page:#11161c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;line-height:1.25;margin:8px 0 0;overflow-wrap:anywhere}
h2{font-size:15px;margin:0 0 14px;color:var(--soft);font-weight:600}
.state{display:inline-block;margin:0;padding:2px 12px;border-radius:99px;color:#fff;font-size:13px;font-weight:600}
.good{background:var(--inserted)}.mixed{background:#8a6500}.bad{background:var(--error)}
.reason{margin:12px 0 0;padding:12px 16px;border-left:4px solid var(--error);background:var(--card);overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:24px 0}
@media(max-width:860px){.figures{grid-template-columns:repeat(3,1fr)}}
@media(max-width:480px){.figures{grid-template-columns:repeat(2,1fr)}}
.figures div,section{background:var(--card);border:1px solid var(--line);border-radius:10px}
.figures div{padding:12px 14px}section{padding:18px 20px;margin:0 0 16px}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:flex;height:28px;border-radius:6px;overflow:hidden;gap:2px}.bar i{min-width:3px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:6px 22px;margin:14px 0 0;padding:0}
.legend span{color:var(--soft)}
b{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.inserted{background:var(--inserted)}.updated{background:var(--updated)}.ignored{background:var(--ignored)}.skipped{background:var(--skipped)}
.error{background:var(--error)}.rejected{background:var(--rejected)}.unknown{background:var(--unknown)}.notSent{background:var(--notSent)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
tr:first-child th,tr:first-child td{border-top:0}
th{color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
.n{font-variant-numeric:tabular-nums;white-space:nowrap}th.n:first-child,td.n:first-child{text-align:right}
td.name{white-space:nowrap}td.text{min-width:220px}
svg{display:block;width:100%;min-width:560px;height:auto}svg text{fill:var(--soft);font-size:12px}
svg .grid{stroke:var(--line)}svg .area{fill:var(--updated);opacity:.18}svg .curve{fill:none;stroke:var(--updated);stroke-width:2}
`;
