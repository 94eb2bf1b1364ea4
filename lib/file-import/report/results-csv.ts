import * as z from 'zod/mini';
import { outcomes } from './tally.ts';

/** What is known of one line in the end. */
export const lineResultSchema = z.object({
  line: z.number(),
  outcome: z.enum(outcomes),
  targetTable: z.optional(z.string()),
  sysId: z.optional(z.string()),
  /** Number or display value of the target record. */
  display: z.optional(z.string()),
  message: z.optional(z.string()),
});

export type LineResult = z.infer<typeof lineResultSchema>;

/** What became of a line, whichever it is. */
export type Verdict = Omit<LineResult, 'line'>;

export const resultsHeader = 'line,outcome,target_table,sys_id,display,message\r\n';

/** The columns behind the line number. */
export function verdictColumns(verdict: Verdict): string {
  const { outcome, targetTable = '', sysId = '', display = '', message = '' } = verdict;
  const [table, id] = [spreadsheetSafe(targetTable), spreadsheetSafe(sysId)];
  return `${outcome},${table},${id},${spreadsheetSafe(display)},${spreadsheetSafe(message)}`;
}

/** What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection"). */
const formulaStart = /^[\s]*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

/** The same where a spreadsheet may see a new cell: half the world's separate cells by semicolons, and then know no quotes here. */
const formulaInside = /([;\t\r\n]\s*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;

/** A CSV field that no spreadsheet runs: an apostrophe before what would be a formula, quoted where needed. */
export function spreadsheetSafe(value: string): string {
  if (value === '') return value;
  const inside = /[;\t\r\n]/.test(value) ? value.replaceAll(formulaInside, "$1'") : value;
  const safe = formulaStart.test(inside) ? `'${inside}` : inside;
  return /[",\r\n]/.test(safe) || safe !== value ? `"${safe.replaceAll('"', '""')}"` : safe;
}
