import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import * as z from 'zod';

/** A package of npm that is part of a zip. */
export type Component = {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  /** The text of its licence, and of its notice if it has one. */
  readonly texts: readonly string[];
};

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
});

/**
 * The packages that the bundles are made of, in order of their names.
 * @param root of the project
 * @throws Error naming a package without a licence
 */
export async function bundledComponents(root: string, bundles: Iterable<Metafile>): Promise<Component[]> {
  const folders = new Set<string>();
  for (const { outputs } of bundles)
    for (const { inputs } of Object.values(outputs))
      for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
        const [, folder] = /^(?:slim-undici:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
        if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
      }
  const found = await Promise.all([...folders].map((folder) => readComponent(join(root, folder))));
  const distinct = new Map(found.map((one) => [`${one.name}@${one.version}`, one]));
  return [...distinct.values()].sort((a, b) =>
    a.name < b.name || (a.name === b.name && a.version < b.version) ? -1 : 1,
  );
}

async function readComponent(folder: string): Promise<Component> {
  const parsed = manifestSchema.safeParse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  if (!parsed.success) throw new Error(`${folder}: its package.json names no licence`);
  const names = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)(\.|$)/i.test(name));
  const texts = await Promise.all(names.sort().map((name) => readFile(join(folder, name), 'utf8')));
  return { ...parsed.data, texts: texts.map((text) => text.replaceAll('\r\n', '\n').trim()) };
}

/**
 * The NOTICE of the project: every bundled package with its licence. Packages with the same texts share them.
 */
export function noticeOf(components: readonly Component[]): string {
  const groups = Map.groupBy(components, ({ license, texts }) => texts.join('\n\n') || license);
  const parts = [...groups].map(([text, members]) => {
    const names = members.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${names.join('\n')}\n\n${text}`;
  });
  const rule = `\n\n${'-'.repeat(80)}\n\n`;
  return `servicenow-functions\n\nThe zips of the functions contain code of these packages (written by npm run release -- --notice).${rule}${parts.join(rule)}\n`;
}

/**
 * A CycloneDX 1.6 bill of materials. It has no time and no random number, so that the same sources give the same bytes.
 * @param digest of what is released, in hexadecimal digits
 */
export function billOfMaterials(
  product: { readonly name: string; readonly version: string; readonly license: string },
  components: readonly Component[],
  digest: string,
): object {
  const purl = ({ name, version }: { name: string; version: string }) =>
    `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const entry = ({ name, version, license }: { name: string; version: string; license: string }) => ({
    'bom-ref': purl({ name, version }),
    name,
    version,
    purl: purl({ name, version }),
    licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }],
  });
  const [a, b, c, d, e] = [
    [0, 8],
    [8, 12],
    [13, 16],
    [17, 20],
    [20, 32],
  ].map(([from, to]) => digest.slice(from, to));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    // A version 8 UUID, made of the digest.
    serialNumber: `urn:uuid:${a}-${b}-8${c}-8${d}-${e}`,
    version: 1,
    metadata: { component: { type: 'application', ...entry(product) } },
    components: components.map((component) => ({ type: 'library', ...entry(component) })),
    dependencies: [{ ref: purl(product), dependsOn: components.map(purl) }],
  };
}
