import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

/** Modules of Node whose loading takes time, or loads others, and whose functions no function calls before its first event. */
const lazy: ReadonlySet<string> = new Set([
  'node:console',
  'node:crypto',
  'node:net',
  'node:querystring',
  'node:timers/promises',
  'node:zlib',
]);

/**
 * Reads of a module of Node only the names that are imported. An `import` makes Node read each name of the module, and some load more
 * when they are read: `node:util` alone brings streams, worker threads and the stream of stderr into a start.
 * Functions of some modules load theirs at the first call: `import { createHash } from 'node:crypto'` costs a cold start nothing.
 * What a CommonJS dependency requires is loaded when it runs, without the `require` that an ES module does not have.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    const names = builtinModules.filter((name) => !/^_|^node:/.test(name));
    const filter = new RegExp(`^(node:)?(${names.join('|')})$`);
    build.onResolve({ filter }, ({ path, kind }) => {
      const namespace = namespaces[kind];
      if (namespace === undefined) return undefined;
      return { path: path.replace(/^(?!node:)/, 'node:'), namespace, sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: 'required-builtins' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtins' }, ({ path }) => ({
      contents: builtinModule(path),
    }));
  },
};

/** By how a module is asked for. */
const namespaces: Readonly<Record<string, string>> = {
  'import-statement': 'lazy-builtins',
  'require-call': 'required-builtins',
};

function builtinModule(name: string): string {
  const module: object = process.getBuiltinModule(name) ?? {};
  const keys = Object.keys(module).filter((key) => key !== 'default' && /^\w+$/.test(key));
  const exports = keys.map((key) => (isLazy(name, module, key) ? lazyExport(key) : eagerExport(key)));
  return [
    `const load = () => process.getBuiltinModule('${name}');`,
    'export default /* @__PURE__ */ load();',
    ...exports,
  ].join('\n');
}

function isLazy(name: string, module: object, key: string): boolean {
  return lazy.has(name) && typeof Reflect.get(module, key) === 'function';
}

/** Classes stay what they are for `new`. */
function lazyExport(key: string): string {
  return `export function ${key}(...values) {
    return new.target ? new (load().${key})(...values) : load().${key}(...values);
  }`;
}

/** Read where it is used at all: reading a property counts as an effect, unless a function that counts as pure does it. */
function eagerExport(key: string): string {
  return `export const ${key} = /* @__PURE__ */ (() => load().${key})();`;
}
