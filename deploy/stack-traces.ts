/**
 * Put into every packaged function: stack traces name the lines of the TypeScript sources. Node's own `--enable-source-maps` reads and
 * parses every map when the function starts; this reads one when the first trace of an error is asked for.
 */
import type { SourceMap } from 'node:module';

const maps = new Map<string, SourceMap | undefined>();

Error.prepareStackTrace = (error, calls) => {
  const header = Error.prototype.toString.call(error);
  return [header, ...calls.map((call) => `    at ${withSource(String(call))}`)].join('\n');
};

/** `run (file:///var/task/dist/getRecords/index.mjs:1:900)` becomes `run (/var/task/lib/gateway/serve.ts:55:3)`. */
function withSource(call: string): string {
  return call.replace(
    /(file:\/\/[^\s()]+\.mjs):(\d+):(\d+)/,
    (place, url: string, line: string, column: string) => {
      const entry = mapOf(url)?.findEntry(Number(line) - 1, Number(column) - 1);
      if (entry === undefined || !('originalSource' in entry)) return place;
      const { pathname } = new URL(entry.originalSource, url);
      return `${pathname}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    },
  );
}

function mapOf(url: string): SourceMap | undefined {
  if (!maps.has(url)) maps.set(url, readMap(url));
  return maps.get(url);
}

/** A trace without its sources is better than none. An import of `node:fs` would load its streams and promises at every start. */
function readMap(url: string): SourceMap | undefined {
  try {
    const { readFileSync } = process.getBuiltinModule('node:fs');
    const { SourceMap } = process.getBuiltinModule('node:module');
    return new SourceMap(JSON.parse(readFileSync(new URL(`${url}.map`), 'utf8')));
  } catch {
    return undefined;
  }
}
