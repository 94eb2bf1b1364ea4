import { escapeHtml, link, rows, table } from './report-html.ts';
import type { ImportSummary } from './summary.ts';

/** What is to be done: rows to repair, rows to drop again. */
export function actions({ source, results, counts, stagingTable }: ImportSummary): string {
  const drop = `<code>imports/${escapeHtml(stagingTable)}/</code>`;
  const toRepair = counts.rejected + counts.error + counts.skipped;
  const items = [
    results['rejected'] !== undefined &&
      `${link(results['rejected'], `Repair ${rows(toRepair)}`)} <span>Each comes with its reason; correct them and drop the file into ${drop}.</span>`,
    results['unsent'] !== undefined &&
      `${link(results['unsent'], `Send ${rows(counts.notSent)} that are left`)} <span>Nothing is wrong with them; drop the file into ${drop} as it is.</span>`,
    counts.unknown > 0 &&
      results['results'] !== undefined &&
      `${link(results['results'], `Check ${rows(counts.unknown)}`)} <span>Their outcome is unknown: look for them on the instance before you send them again.</span>`,
  ].filter((item) => item !== false);
  if (items.length === 0) return '';
  const key = results['rejected'] ?? results['unsent'] ?? results['results'] ?? '';
  return `<section class="actions"><h2>What to do</h2><ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>${fetching(source.bucket, key)}</section>`;
}

/**
 * The S3 console opens a page by an address that is signed for this page alone. Signed links to the files are no way out: they would end
 * with the session of the function that signed them, and until then open the rows to anyone who gets the page.
 */
function fetching(bucket: string, key: string): string {
  const address = `s3://${bucket}/${key}`.replaceAll("'", "'\\''");
  return `<p class="hint">Opened from the S3 console, links answer Access Denied; this fetches the file: <code>aws s3 cp '${escapeHtml(address)}' .</code></p>`;
}

/** For a file that was refused for its columns: what the table has, and settings to start from. */
export function suggestion({ status, file, stagingTable }: ImportSummary): string {
  if (status !== 'refused' || !file?.stagingColumns) return '';
  const body = file.stagingColumns.map(
    ({ name, label }) => `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(label)}</td></tr>`,
  );
  const columns = file.columns ?? [];
  const open = columns.filter(({ column }) => column === undefined);
  const folder = `imports/${escapeHtml(stagingTable)}`;
  // A single name that matches nothing may be no header at all.
  const isHopeless = open.length === 0 || columns.length === 1;
  const settings = isHopeless
    ? ''
    : `<section><h2>Settings to start from</h2><p>Put this into <code>${folder}/_import.json</code> and drop the file again: it leaves out the columns that match none of the table, or have no name of their own. To import one of them${open.length === columns.length ? ', and there has to be one,' : ','} remove the slashes in front of it and name a column of the table.</p><pre>${escapeHtml(settingsFor(open.map(({ header }) => header)))}</pre></section>`;
  return `${settings}${table(`Columns of ${escapeHtml(stagingTable)}`, ['column', 'label'], body, 'columns')}`;
}

/** An `_import.json` that works as it is, in the form that people go on from. */
function settingsFor(headers: readonly string[]): string {
  const unique = [...new Set(headers)];
  const own = unique.filter((name) => name !== '' && headers.indexOf(name) === headers.lastIndexOf(name));
  const columns = own.map((name) => `    // ${JSON.stringify(name)}: "…",\n`).join('');
  const ignored = unique.map((name) => JSON.stringify(name)).join(', ');
  return `{\n  "columns": {\n${columns}  },\n  "ignoredColumns": [${ignored}]\n}`;
}
