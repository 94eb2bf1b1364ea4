import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { expect, it } from 'vitest';

const folders = ['functions', 'lib', 'cli', 'deploy', 'emulator'];

/** Every source file, from the project's root, with forward slashes. */
const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name).split(sep).join('/'))
    .filter((name) => /\.(ts|js|cjs|mjs)$/.test(name) && !name.includes('node_modules')),
);

/** The files that a file imports, types and dynamic imports included. */
function importsOf(file: string): readonly string[] {
  const source = readFileSync(file, 'utf8');
  const named = source.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.{1,2}\/[^']+)'/g);
  return [...named].map(([, path = '']) => posix.join(dirname(file), path));
}

/** What lies directly in a folder: its files, and its folders as one each. `lib/aws/sdk/s3.ts` of `lib/aws` is `lib/aws/sdk`. */
function placeIn(folder: string, file: string): string {
  return join(folder, relative(folder, file).split(sep)[0] ?? '');
}

/** Where each thing in a folder imports from in the same folder. */
function arrowsIn(folder: string, imports: ReadonlyMap<string, readonly string[]>) {
  const arrows = new Map<string, Set<string>>();
  const isInside = (file: string) => file.startsWith(`${folder}/`);
  for (const [file, imported] of [...imports].filter(([name]) => isInside(name)))
    for (const target of imported.filter(isInside)) {
      const [from, to] = [placeIn(folder, file), placeIn(folder, target)];
      if (from !== to) arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    }
  return arrows;
}

/** Takes away, again and again, what imports nothing that is left: circles remain, and what imports them. */
function circlesIn(arrows: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  let left = [...arrows.keys()];
  for (;;) {
    const bound = left.filter((name) => [...(arrows.get(name) ?? [])].some((to) => left.includes(to)));
    if (bound.length === left.length) return left;
    left = bound;
  }
}

it('has no circle of imports among the files and folders of any folder', () => {
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  const rooms = new Set(files.map((file) => dirname(file)).flatMap((folder) => parentsOf(folder)));
  const circles = [...rooms].map((room) => [room, circlesIn(arrowsIn(room, imports))] as const);
  expect(circles.filter(([, names]) => names.length > 0)).toEqual([]);
});

it('finds a circle of folders whose files are in none', () => {
  const imports = new Map([
    ['lib/a/x.ts', ['lib/b/y.ts']],
    ['lib/b/z.ts', ['lib/c.ts']],
    ['lib/c.ts', ['lib/a/w.ts']],
    ['lib/d.ts', ['lib/e.ts']],
  ]);
  expect(circlesIn(arrowsIn('lib', imports))).toEqual(['lib/a', 'lib/b', 'lib/c.ts']);
});

function parentsOf(folder: string): readonly string[] {
  const parts = folder.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
