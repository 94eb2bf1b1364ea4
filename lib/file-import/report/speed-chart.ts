import * as z from 'zod/mini';

/** Rows sent by a moment, for the speed over time. */
export const sampleSchema = z.object({ atMs: z.number(), rows: z.number() });

export type Sample = z.infer<typeof sampleSchema>;

const width = 900;
const height = 220;
/** Wide enough for `100,000` in the larger type of narrow pages. */
const left = 92;
const bottom = 26;
const top = 10;

type Point = { readonly second: number; readonly perSecond: number };

/** Rows per second over time, as SVG; nothing when there are too few samples, or no row was sent. */
export function speedChart(samples: readonly Sample[], startMs: number): string {
  const points = speeds(samples, startMs);
  const last = points.at(-1);
  const fastest = Math.max(...points.map(({ perSecond }) => perSecond));
  if (points.length < 2 || !last || fastest <= 0) return '';
  const highest = niceAbove(fastest);
  const x = ({ second }: Point) => left + ((width - left - 8) * second) / last.second;
  const y = (perSecond: number) => top + (height - top - bottom) * (1 - perSecond / highest);
  const curve = points.map((point) => `${x(point).toFixed(1)},${y(point.perSecond).toFixed(1)}`);
  const floor = y(0);
  const grid = [0, 0.5, 1].map((share) => gridLine(highest * share, y(highest * share))).join('');
  const area = `${left},${floor} ${curve.join(' ')} ${x(last).toFixed(1)},${floor}`;
  return `<section><h2>Rows per second</h2><div class="wide"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Rows per second over time">
${grid}<polygon class="area" points="${area}"/><polyline class="curve" points="${curve.join(' ')}"/>
<text x="${left}" y="${height - 6}">0</text><text x="${width - 8}" y="${height - 6}" text-anchor="end">${time(last.second)}</text>
</svg></div></section>`;
}

function gridLine(value: number, y: number): string {
  const label = new Intl.NumberFormat('en-US').format(Math.round(value));
  return `<line class="grid" x1="${left}" x2="${width - 8}" y1="${y}" y2="${y}"/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

/** Each sample stands for the speed since the one before; the curve begins with the first of them. */
function speeds(samples: readonly Sample[], startMs: number): Point[] {
  const points: Point[] = [];
  let before: Sample = { atMs: startMs, rows: 0 };
  for (const sample of samples) {
    const seconds = (sample.atMs - before.atMs) / 1000;
    if (seconds < 0.001) continue;
    const perSecond = (sample.rows - before.rows) / seconds;
    if (points.length === 0) points.push({ second: 0, perSecond });
    points.push({ second: (sample.atMs - startMs) / 1000, perSecond });
    before = sample;
  }
  return points;
}

/** 1, 2 or 5 times a power of ten, at or above the value. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

/** Short runs in tenths of a second or in milliseconds: an axis from "0 s" to "0 s" says nothing. */
function time(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`;
}

const maxSamples = 200;

/** Adds a sample; beyond a bound the others are thinned out evenly over the whole time. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  if (samples.length < maxSamples) return [...samples, sample];
  const leastMs = (sample.atMs - (samples[0]?.atMs ?? 0)) / (maxSamples / 2);
  const kept: Sample[] = [];
  for (const one of samples) {
    const last = kept.at(-1);
    if (!last || one.atMs - last.atMs >= leastMs) kept.push(one);
  }
  return [...kept, sample];
}
