import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyTally, rowOutcomes } from '../../../../lib/file-import/load/row-outcome.ts';
import { parseSettings } from '../../../../lib/file-import/plan/settings.ts';
import { escapeHtml, reportStyle } from '../../../../lib/file-import/report/report-html.ts';
import { renderReport } from '../../../../lib/file-import/report/report-page.ts';
import { speedChart } from '../../../../lib/file-import/report/speed-chart.ts';
import type { ImportSummary } from '../../../../lib/file-import/report/summary.ts';
import { afterGroup, loadingState, waitingState } from '../../../../lib/file-import/state.ts';
import { spreadsheetSafe } from '../../../../lib/file-import/verdicts/results-part.ts';

const seed = Number(process.env['SEED'] ?? 20_261_124);

const character = fc.oneof(fc.constantFrom(...'=+-@;\t\n \'",'), fc.string({ minLength: 1, maxLength: 1 }));

describe('a field of results.csv', () => {
  it.each([
    ['=1+1', `"'=1+1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['+4912345', `"'+4912345"`],
    ['-2', `"'-2"`],
    ['\t=cmd', `"'\t'=cmd"`],
    [' =HYPERLINK("x")', `"' =HYPERLINK(""x"")"`],
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['a; =1+1', `"a; '=1+1"`],
    ['a;b', 'a;b'],
    ['a\n@x', `"a\n'@x"`],
  ])('is safe to open in a spreadsheet: %j', (value, field) => {
    expect(spreadsheetSafe(value)).toBe(field);
  });

  it('never begins with what a spreadsheet runs', () => {
    fc.assert(
      fc.property(fc.string({ unit: character }), (value) => {
        const shown = spreadsheetSafe(value).replace(/^"/, '');
        expect(shown).not.toMatch(/^\s*[=+\-@]/);
        expect(shown).not.toMatch(/[;\t\r\n]\s*[=+\-@]/);
      }),
      { seed, numRuns: 2_000 },
    );
  });
});

/** Relative luminance of `#rgb` or `#rrggbb` (WCAG 2). */
function luminance(colour: string): number {
  const short = colour.length === 4;
  const channels = [0, 1, 2].map((i) => {
    const digits = short ? (colour[i + 1] ?? '').repeat(2) : colour.slice(1 + 2 * i, 3 + 2 * i);
    const share = Number.parseInt(digits, 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const [red = 0, green = 0, blue = 0] = channels;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const allGood: ImportSummary = {
  schemaVersion: 1,
  status: 'completed',
  source: { bucket: 'b', key: 'imports/t/x.csv', eTag: 'e', size: 1, droppedAt: '' },
  stagingTable: 't',
  startedAt: '2026-11-24T03:00:00.000Z',
  finishedAt: '2026-11-24T03:01:00.000Z',
  seconds: { waiting: 0, loading: 1, verdicts: 1, total: 2 },
  lines: { rows: 100, blank: 0 },
  counts: { ...emptyTally(), inserted: 100 },
  messages: [],
  importSets: { count: 1, first: [] },
  executions: 1,
  results: {},
};

describe('the report', () => {
  const nasty = `</style><script>alert('x')</script><img src=x onerror="alert(1)">`;

  it('shows what it is given as text and loads nothing', () => {
    const page = renderReport(
      {
        ...allGood,
        status: 'stopped',
        reason: nasty,
        source: { bucket: 'b', key: `imports/t/${nasty}.csv`, eTag: nasty, size: 1, droppedAt: nasty },
        messages: [{ outcome: nasty, message: nasty, count: 1, lines: [1] }],
        results: { summary: nasty },
      },
      [],
    );
    expect(page).not.toMatch(/<script|<img|<link|https?:/);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain(escapeHtml(nasty));
  });

  it('never shows 100 % while a row is missing from it', () => {
    const counts = { ...emptyTally(), inserted: 9_999, error: 1 };
    const page = renderReport({ ...allGood, lines: { rows: 10_000, blank: 0 }, counts }, []);
    expect(page).toContain('<span>99.9 %</span>');
    expect(page).not.toContain('100.0 %');
  });

  it.each([
    [59.94, '59.9 s'],
    [59.97, '1 min 0 s'],
    [119.6, '2 min 0 s'],
    [3_661, '1 h 1 min'],
  ])('says how long a run of %d s took', (total, duration) => {
    const page = renderReport(
      { ...allGood, seconds: { waiting: 0, loading: total, verdicts: 0, total } },
      [],
    );
    expect(page).toContain(`<dt>duration</dt><dd>${duration}</dd>`);
  });

  it('counts no time that the file waited for others into its speed', () => {
    const seconds = { waiting: 1_000, loading: 10, verdicts: 0, total: 1_010 };
    const samples = [1, 2].map((n) => ({ atMs: 1_000_000 + n * 5_000, rows: n * 50 }));
    const page = renderReport({ ...allGood, startedAt: new Date(1_000_000).toISOString(), seconds }, samples);
    expect(page).toContain('<dt>sent per second</dt><dd>10</dd>');
    expect(page).toContain('text-anchor="end">10 s</text>');
  });

  it('makes the rows to repair and to send the first thing, with links into its own folder', () => {
    const counts = { ...emptyTally(), inserted: 90, rejected: 4, notSent: 5, unknown: 1 };
    const at = 'results/t/x/2026/';
    const results = { results: `${at}results.csv`, rejected: `${at}rejected.csv`, unsent: `${at}unsent.csv` };
    const page = renderReport({ ...allGood, status: 'stopped', reason: 'full', counts, results }, []);
    expect(page).toContain('<a href="./rejected.csv">Repair 4 rows</a>');
    expect(page).toContain('<a href="./unsent.csv">Send 5 rows that are left</a>');
    expect(page).toContain('<a href="./results.csv">Check 1 row</a>');
    expect(page.indexOf('What to do')).toBeLessThan(page.indexOf('rows in the file'));
    // For those whose page lies at a signed address, where no link works.
    expect(page).toContain("<code>aws s3 cp 's3://b/results/t/x/2026/rejected.csv' .</code>");
    // Rows that never left are no part of the speed.
    expect(page).toContain('<dt>sent per second</dt><dd>91</dd>');
  });

  it('shows what a refused file needs instead of figures of nothing', () => {
    const file = {
      encoding: 'utf-8',
      delimiter: ';',
      columns: [{ header: 'Nr' }, { header: 'Text', column: 'u_text' }],
      stagingColumns: [{ name: 'u_code', label: 'Code' }],
    };
    const counts = emptyTally();
    const refused = { ...allGood, status: 'refused', reason: 'header: …', counts, file } as const;
    const page = renderReport({ ...refused, lines: { rows: 0, blank: 0 } }, []);
    const text = /<pre>(.*?)<\/pre>/s.exec(page)?.[1]?.replaceAll('&quot;', '"');
    expect(parseSettings(text).ignoredColumns).toEqual(['Nr']);
    expect(text).toContain('// "Nr": "…",');
    expect(page).toContain('<code>u_code</code>');
    expect(page).not.toContain('rows in the file');
    expect(page).not.toContain('<svg');
  });

  it('names the columns of its tables for those who do not see them', () => {
    const messages = [{ outcome: 'error', message: 'no', count: 1, lines: [2] }];
    const page = renderReport({ ...allGood, messages }, []);
    expect(page).not.toMatch(/<th(?! scope|ead)/);
  });

  it.each(['light', 'dark'])('sets its colours off from the page by a contrast of 3: %s', (scheme) => {
    const sheets = reportStyle.split('@media(prefers-color-scheme:dark)');
    const colours = new Map<string, string>();
    for (const sheet of scheme === 'dark' ? sheets : sheets.slice(0, 1))
      for (const [, name = '', value = ''] of sheet.matchAll(/--(\w+):(#[0-9a-f]+)/gi))
        if (sheet === sheets[0] || scheme === 'dark') colours.set(name, value);
    const card = luminance(colours.get('card') ?? '');
    for (const outcome of rowOutcomes) {
      const swatch = luminance(colours.get(outcome) ?? '');
      const [dark = 0, light = 0] = [card, swatch].sort((a, b) => a - b);
      expect({ outcome, enough: (light + 0.05) / (dark + 0.05) >= 3 }).toEqual({ outcome, enough: true });
    }
  });

  it('says so when there was no row', () => {
    const page = renderReport({ ...allGood, lines: { rows: 0, blank: 2 }, counts: emptyTally() }, []);
    expect(page).toContain('The file has no rows');
  });

  it.each([
    [40, '40 ms'],
    [4_240, '4.2 s'],
    [95_000, '95 s'],
    [600_000, '10 min'],
  ])('says how long a run of %i ms took on the time axis of its chart', (ms, label) => {
    const samples = [1, 2].map((n) => ({ atMs: (ms * n) / 2, rows: 100 * n }));
    expect(speedChart(samples, 0)).toContain(`text-anchor="end">${label}</text>`);
  });

  it('has no chart where no row was sent, and none of rows that were not sent in it', () => {
    expect(
      speedChart(
        [1_000, 2_000].map((atMs) => ({ atMs, rows: 0 })),
        0,
      ),
    ).toBe('');
    const begin = { startedAt: '', operationsPerExecution: 9, leaseSeconds: 1, verdictTimeoutSeconds: 1 };
    const next = { byte: 0, line: 1 };
    const loading = loadingState(waitingState(), { ...begin, cursor: next });
    const group = { next, ended: false, rows: 10, rejected: 5, blankLines: 0, importSets: 1 };
    const stopped = afterGroup(loading, { ...group, refused: 'no right' }, 1_000);
    if (stopped.phase !== 'loading') throw new Error(stopped.phase);
    expect(afterGroup(stopped, group, 2_000).samples.map(({ rows }) => rows)).toEqual([10, 10]);
  });
});
