export const number = new Intl.NumberFormat('en-US');

/** A count of rows, in words. */
export function rows(count: number): string {
  return `${number.format(count)} ${count === 1 ? 'row' : 'rows'}`;
}

/** A link to another file of the same folder. */
export function link(key: string, text: string): string {
  const name = key.split('/').at(-1) ?? key;
  return `<a href="./${encodeURIComponent(name)}">${escapeHtml(text)}</a>`;
}

/** A section with a table. Its heads are plain text; cells and rows are HTML already. */
export function table(title: string, head: readonly string[], body: readonly string[], kind: string): string {
  const cells = head.map((name) => `<th scope="col">${name}</th>`).join('');
  return `<section><h2>${title}</h2><div class="wide"><table class="${kind}"><thead><tr>${cells}</tr></thead><tbody>${body.join('')}</tbody></table></div></section>`;
}

/** Text as HTML shows it, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** The report's style sheet; colours do not rely on green and red alone, and have a contrast of at least 3 to the page. */
export const reportStyle = `
:root{color-scheme:light dark;--ink:#1c2530;--soft:#55616e;--line:#dde3ea;--card:#fff;--page:#f4f6f8;--link:#0b5cad;
--good:#1f7a5c;--warn:#8a6500;--bad:#b3261e;
--inserted:#1f7a5c;--updated:#2a7fb8;--ignored:#738396;--skipped:#a87b00;--error:#b3261e;--rejected:#c85a34;--unknown:#7a4fa3;--notSent:#4a5561}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#a3b0bd;--line:#2d3742;--card:#1a2129;--page:#11161c;--link:#7ab8f5;
--inserted:#3aa57f;--updated:#4a9fd8;--ignored:#8797a8;--skipped:#d9a514;--error:#e0574d;--rejected:#e8825f;--unknown:#a983d1;--notSent:#77838f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 20px 64px}
a{color:var(--link)}code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
h1{font-size:26px;line-height:1.25;margin:8px 0 0;overflow-wrap:anywhere}
h2{font-size:15px;margin:0 0 14px;color:var(--soft);font-weight:600}
.state{display:inline-block;margin:0;padding:2px 12px;border-radius:99px;color:#fff;font-size:13px;font-weight:600}
.good{background:var(--good)}.mixed{background:var(--warn)}.bad{background:var(--bad)}
.reason{margin:12px 0 0;padding:12px 16px;border-left:4px solid var(--error);background:var(--card);overflow-wrap:anywhere}
header{margin:0 0 24px}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:0 0 16px}
section p{margin:0 0 12px}
.actions ul{list-style:none;margin:0;padding:0;display:grid;gap:12px}
.actions a{display:inline-block;padding:7px 14px;border-radius:8px;background:var(--link);color:var(--card);font-weight:600;text-decoration:none;margin:0 8px 2px 0}
.actions span{color:var(--soft)}
.hint{margin:14px 0 0;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(135px,1fr));gap:12px;margin:0 0 16px}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
dt{color:var(--soft);font-size:13px}dd{margin:0;font-size:20px;font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:flex;height:28px;border-radius:6px;overflow:hidden;gap:2px}.bar i{min-width:3px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:6px 22px;margin:14px 0 0;padding:0}
.legend span{color:var(--soft)}
b{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.inserted{background:var(--inserted)}.updated{background:var(--updated)}.ignored{background:var(--ignored)}.skipped{background:var(--skipped)}
.error{background:var(--error)}.rejected{background:var(--rejected)}.unknown{background:var(--unknown)}.notSent{background:var(--notSent)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
thead th,tbody:first-child tr:first-child>*{border-top:0}
th{color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
.n{font-variant-numeric:tabular-nums;white-space:nowrap}td.name{white-space:nowrap}.messages td.text{min-width:200px}
pre{margin:0;padding:12px 14px;border:1px solid var(--line);border-radius:8px;background:var(--page);overflow-x:auto}
svg{display:block;width:100%;min-width:560px;height:auto}svg text{fill:var(--soft);font-size:12px}
svg .grid{stroke:var(--line)}svg .area{fill:var(--updated);opacity:.18}svg .curve{fill:none;stroke:var(--updated);stroke-width:2}
@media(max-width:560px){main{padding:20px 12px 48px}section{padding:14px}h1{font-size:21px}
.messages thead{display:none}.messages tr{display:grid;grid-template-columns:auto 1fr;gap:0 10px;border-top:1px solid var(--line);padding:8px 0}
.messages tr:first-child{border-top:0}.messages td{border:0;padding:2px 0}.messages td.text,.messages td.lines{grid-column:1/-1;white-space:normal}
.messages td.lines::before{content:"lines ";color:var(--soft)}
.details tr{display:block;padding:6px 0;border-top:1px solid var(--line)}.details tr:first-child{border-top:0}.details th,.details td{display:block;border:0;padding:0}
svg{min-width:0}svg text{font-size:20px}}
`;
