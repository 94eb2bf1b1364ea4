import { relative, resolve } from 'node:path';
import { decode, encode, type SourceMapSegment } from '@jridgewell/sourcemap-codec';
import * as z from 'zod';

const mapSchema = z.object({
  version: z.literal(3),
  sources: z.array(z.string()),
  mappings: z.string(),
});

/**
 * Leaves in a source map only what belongs to this project. A stack trace reads the map of its file: those of all
 * dependencies take ten times as long, and a dependency is rarely debugged from its stack trace.
 * Sources are named as if the bundle lay in `dist/<key>/` of the project, which is where a function finds it below its root.
 * @param text a source map that esbuild made
 * @param folder where its sources are relative to
 */
export function ownSources(text: string, folder: string, projectRoot: string): string {
  const map = mapSchema.parse(JSON.parse(text));
  const kept = map.sources.flatMap((source, index) => (isOwn(source) ? [index] : []));
  const places = new Map(kept.map((index, place) => [index, place]));
  const mappings = decode(map.mappings).map((line) => ownSegments(line, places));
  const sources = kept.map((index) => {
    const path = relative(projectRoot, resolve(folder, map.sources[index] ?? ''));
    return `../../${path.replaceAll('\\', '/')}`;
  });
  return JSON.stringify({ version: 3, sources, names: [], mappings: encode(mappings) });
}

function isOwn(source: string): boolean {
  return /\.ts$/.test(source) && !source.includes('node_modules/');
}

/** What follows a segment without a source belongs to no source, up to the next segment. */
function ownSegments(
  line: readonly SourceMapSegment[],
  places: ReadonlyMap<number, number>,
): SourceMapSegment[] {
  const segments: SourceMapSegment[] = [];
  let isMapped = false;
  for (const segment of line) {
    const [column, source, row, rowColumn] = segment;
    const place = source === undefined ? undefined : places.get(source);
    if (place !== undefined && row !== undefined && rowColumn !== undefined)
      segments.push([column, place, row, rowColumn]);
    else if (isMapped) segments.push([column]);
    isMapped = place !== undefined;
  }
  return segments;
}
