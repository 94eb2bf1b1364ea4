import type { Sample } from '../import-state.ts';
import type { ImportSummary } from './summary.ts';

/** `report.html`: one page without anything from elsewhere. */
export function renderReport(summary: ImportSummary, samples: readonly Sample[]): string {
  return `<!doctype html><title>${escapeHtml(summary.source.key)}</title><pre>${escapeHtml(JSON.stringify({ summary, samples }, undefined, 2))}</pre>`;
}

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
