import { operations } from '../lib/operations/catalog.ts';

/** `key` as in the template, `file` relative to the root of the project. */
export type PackagedFunction = { readonly key: string; readonly file: string };

/** Functions that no operation of the catalog stands for; serverless.yml has one entry for each. */
const others = [
  'writeRecords',
  'redriveRecords',
  'mapEvents',
  'reconcileEvents',
  'startImport',
  'redropImports',
  'importCsv',
  'doctor',
];

/**
 * Every Lambda function: its key in the template and the file that exports its `handler`, named after the key.
 * The bundle of a function lands in `dist/<key>/index.mjs`.
 */
export const functions: readonly PackagedFunction[] = [...operations.map(({ name }) => name), ...others].map(
  (key) => ({ key, file: `functions/${kebabCase(key)}.ts` }),
);

function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
