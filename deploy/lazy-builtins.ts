import * as nodeConsole from 'node:console';
import * as crypto from 'node:crypto';
import * as net from 'node:net';
import * as timers from 'node:timers/promises';
import * as zlib from 'node:zlib';
import type { Plugin } from 'esbuild';

/** Modules of Node whose loading takes milliseconds, or loads others, and that no function calls before its first event. */
const lazy: Readonly<Record<string, object>> = {
  'node:console': nodeConsole,
  'node:crypto': crypto,
  'node:net': net,
  'node:timers/promises': timers,
  'node:zlib': zlib,
};

/**
 * Loads some modules of Node at the first call of one of their functions: `import { createHash } from 'node:crypto'` costs a cold start
 * nothing. Only for imports; what a CommonJS module requires is loaded when it runs.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    const filter = new RegExp(`^(${Object.keys(lazy).join('|')})$`);
    build.onResolve({ filter }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy-builtins', sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy-builtins' }, ({ path }) => ({
      contents: lazyModule(path, lazy[path] ?? {}),
    }));
  },
};

function lazyModule(name: string, module: object): string {
  const load = `const load = () => process.getBuiltinModule('${name}');`;
  const names = Object.entries(module).filter(([key]) => key !== 'default' && /^\w+$/.test(key));
  return [load, ...names.map(([key, value]) => lazyExport(key, value))].join('\n');
}

/**
 * Classes stay what they are for `new`; a value that is no function is read at once, where it is used at all: reading a property counts as
 * an effect, unless a function that counts as pure does it.
 */
function lazyExport(name: string, value: unknown): string {
  if (typeof value !== 'function') return `export const ${name} = /* @__PURE__ */ (() => load().${name})();`;
  return `export function ${name}(...values) {
    return new.target ? new (load().${name})(...values) : load().${name}(...values);
  }`;
}
