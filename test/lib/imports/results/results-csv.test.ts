import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml } from '../../../../lib/imports/results/escape-html.ts';
import { renderReport } from '../../../../lib/imports/results/report.ts';
import { spreadsheetSafe } from '../../../../lib/imports/results/results-csv.ts';
import { speedChart } from '../../../../lib/imports/results/speed-chart.ts';
import { emptyTally } from '../../../../lib/imports/results/tally.ts';

const seed = Number(process.env['SEED'] ?? 20_261_124);

describe('a field of results.csv', () => {
  it.each([
    ['=1+1', `"'=1+1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['+4912345', `"'+4912345"`],
    ['-2', `"'-2"`],
    ['\t=cmd', `"'\t=cmd"`],
    [' =HYPERLINK("x")', `"' =HYPERLINK(""x"")"`],
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
  ])('is safe to open in a spreadsheet: %j', (value, field) => {
    expect(spreadsheetSafe(value)).toBe(field);
  });

  it('never begins with what a spreadsheet runs', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const shown = spreadsheetSafe(value).replace(/^"/, '');
        expect(shown).not.toMatch(/^\s*[=+\-@]/);
      }),
      { seed, numRuns: 2_000 },
    );
  });
});

describe('the report', () => {
  const nasty = `</style><script>alert('x')</script><img src=x onerror="alert(1)">`;

  it('shows what it is given as text and loads nothing', () => {
    const page = renderReport(
      {
        schemaVersion: 1,
        status: 'stopped',
        reason: nasty,
        source: { bucket: 'b', key: `imports/t/${nasty}.csv`, eTag: nasty, size: 1, droppedAt: nasty },
        stagingTable: 't',
        startedAt: '2026-11-24T03:00:00.000Z',
        finishedAt: '2026-11-24T03:01:00.000Z',
        seconds: { loading: 1, verdicts: 1, total: 2 },
        lines: { rows: 1, blank: 0 },
        counts: { ...emptyTally(), error: 1 },
        messages: [{ outcome: nasty, message: nasty, count: 1, lines: [1] }],
        importSets: { count: 1, first: [] },
        executions: 1,
        results: { summary: nasty },
      },
      [],
    );
    expect(page).not.toMatch(/<script|<img|<link|https?:/);
    expect(page.match(/<\/style>/g)).toHaveLength(1);
    expect(page).toContain(escapeHtml(nasty));
  });

  it('never shows 100 % while a row is missing from it', () => {
    const page = renderReport(
      {
        schemaVersion: 1,
        status: 'completed',
        source: { bucket: 'b', key: 'imports/t/x.csv', eTag: 'e', size: 1, droppedAt: '' },
        stagingTable: 't',
        startedAt: '2026-11-24T03:00:00.000Z',
        finishedAt: '2026-11-24T03:01:00.000Z',
        seconds: { loading: 1, verdicts: 1, total: 2 },
        lines: { rows: 10_000, blank: 0 },
        counts: { ...emptyTally(), inserted: 9_999, error: 1 },
        messages: [],
        importSets: { count: 1, first: [] },
        executions: 1,
        results: {},
      },
      [],
    );
    expect(page).toContain('<span>99.9 %</span>');
    expect(page).not.toContain('100.0 %');
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
});
