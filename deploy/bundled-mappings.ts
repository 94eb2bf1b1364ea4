import { resolve } from 'node:path';
import type { Plugin } from 'esbuild';
import { compileAll } from '../lib/events/compile.ts';

/** Where the mapping files of the project are. */
export const mappingsFolder = resolve(import.meta.dirname, '../mappings');

/** Puts the compiled mapping files into the bundle. @throws MappingError for a file that is wrong */
export const bundledMappings: Plugin = {
  name: 'bundled-mappings',
  setup(build) {
    build.onLoad({ filter: /lib[/\\]events[/\\]load-mappings\.ts$/ }, () => {
      const mappings = JSON.stringify(JSON.stringify(compileAll(mappingsFolder)));
      return {
        contents: `export async function loadMappings() { return JSON.parse(${mappings}); }`,
        loader: 'js',
      };
    });
  },
};
