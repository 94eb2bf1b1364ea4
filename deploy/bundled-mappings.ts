import { resolve } from 'node:path';
import type { Plugin } from 'esbuild';
import { compileAll } from '../lib/events/compile.ts';

/** Where the mapping files of the project are. */
export const mappingsFolder = resolve(import.meta.dirname, '../mappings');

/** Puts the compiled mapping files into the bundle. @throws MappingError for a file that is wrong */
export const bundledMappings: Plugin = {
  name: 'bundled-mappings',
  setup(build) {
    let contents: string | undefined;
    build.onLoad({ filter: /lib[/\\]events[/\\]load-mappings\.ts$/ }, () => {
      // The bundler asks for each function, and compiling takes longer than bundling one.
      contents ??= moduleOf(JSON.stringify(compileAll(mappingsFolder)));
      return { contents, loader: 'js' };
    });
  },
};

function moduleOf(mappings: string): string {
  return `export async function loadMappings() { return JSON.parse(${JSON.stringify(mappings)}); }`;
}
