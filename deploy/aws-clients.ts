import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const projectRoot = resolve(import.meta.dirname, '..');

/** Where the modules are that import clients of AWS. */
const importing = ['functions', 'lib', 'node_modules/@aws/durable-execution-sdk-js/dist'].map((folder) =>
  join(projectRoot, folder),
);

/**
 * Gives an import of a client of AWS, lazy or not, only what the importing modules name of that client. A client's index leads to all
 * its commands, each a module, and esbuild takes a module whole that is imported lazily: most of it would be parsed, shipped and loaded
 * for nothing.
 */
export const namedOfAwsClients: Plugin = {
  name: 'named-of-aws-clients',
  setup(build) {
    const modules = new Map<string, string>();
    build.onResolve({ filter: /^@aws-sdk\/client-[\w-]+$/ }, ({ path, importer, resolveDir }) =>
      importing.some((folder) => importer.startsWith(folder))
        ? { path, namespace: 'named-of-aws-client', pluginData: resolveDir, sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'named-of-aws-client' }, ({ path, pluginData }) => {
      const contents = modules.get(path) ?? namedOf(path);
      modules.set(path, contents);
      return { contents, resolveDir: pluginData };
    });
  },
};

/** A module that exports of a client what is named. */
function namedOf(client: string): string {
  const index = createRequire(import.meta.url).resolve(client);
  const folder = join(dirname(index), '../dist-es');
  const named = namesBesides(client);
  const exported = readFileSync(index, 'utf8').matchAll(/^exports\.([\w$]+) =/gm);
  return [...exported]
    .flatMap(([, name = '']) => (named.has(name) && !isWholeClient(name, folder) ? [name] : []))
    .map((name) => `export { ${name} } from '${client}/dist-es/${placeOf(name, folder)}.js';`)
    .join('\n');
}

/** All names in the modules that import a client. */
function namesBesides(client: string): ReadonlySet<string> {
  const files = importing.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const texts = files.filter((file) => /\.m?[jt]s$/.test(file)).map((file) => readFileSync(file, 'utf8'));
  const own = texts.filter((text) => text.includes(`'${client}'`));
  return new Set(own.flatMap((text) => text.match(/[\w$]+/g) ?? []));
}

/** `S3` has all commands as methods. None of ours uses it; a comment may name the service. */
function isWholeClient(name: string, folder: string): boolean {
  return existsSync(join(folder, `${name}Client.js`));
}

/** The module of a client that defines an export; its index knows all. */
function placeOf(name: string, folder: string): string {
  const own = [name, `commands/${name}`, `models/${name}`];
  const defines = (place: string) =>
    new RegExp(`^export (class|const) ${name.replaceAll('$', String.raw`\$`)}\\b`, 'm').test(
      readFileSync(join(folder, `${place}.js`), 'utf8'),
    );
  return (
    own.find((place) => existsSync(join(folder, `${place}.js`))) ??
    ['models/errors', 'models/enums'].find(defines) ??
    'index'
  );
}
