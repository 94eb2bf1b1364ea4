import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { readTemplate } from '../../emulator/aws/template/template.ts';
import { projectRoot } from '../bundle.ts';
import { packageFunctions } from '../package.ts';
import { billOfMaterials, bundledComponents, noticeOf } from './components.ts';
import { regionToken, releaseTemplate, stageToken } from './template.ts';

const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** Where the functions of a release are packaged unless `packageFolder` says otherwise. */
export const releasePackage = '.local/release-package';

/**
 * Builds a release: the zips, one CloudFormation template with parameters, a CycloneDX bill of materials, the licences, and checksums.
 * The same sources give the same bytes. The folder is replaced as a whole.
 * @param options `folder` relative to the root of the project; `packageFolder` where the packager works; `bundlesAgain` as in `PackageOptions`
 * @returns the absolute folder
 */
export async function buildRelease(
  options: {
    readonly folder?: string;
    readonly packageFolder?: string;
    readonly bundlesAgain?: boolean;
  } = {},
): Promise<string> {
  const folder = resolve(projectRoot, options.folder ?? 'release');
  const packaged = await packageFunctions({
    folder: options.packageFolder ?? releasePackage,
    stage: stageToken,
    region: regionToken,
    ...(options.bundlesAgain && { bundlesAgain: true }),
  });
  const made = `${folder}.new`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const zips = (await readdir(packaged.folder)).filter((name) => name.endsWith('.zip')).sort();
  for (const name of zips) await copyFile(join(packaged.folder, name), join(made, name));
  const template = releaseTemplate(await readTemplate(packaged.templateFile));
  await writeFile(join(made, 'template.json'), `${JSON.stringify(template, undefined, 1)}\n`);
  const components = await bundledComponents(projectRoot, packaged.bundles.values());
  await writeFile(join(made, 'NOTICE'), noticeOf(components));
  await copyFile(join(projectRoot, 'LICENSE'), join(made, 'LICENSE'));
  const manifest = manifestSchema.parse(
    JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')),
  );
  const digest = createHash('sha256')
    .update(await checksums(made))
    .digest('hex');
  const bill = billOfMaterials(manifest, components, digest);
  await writeFile(join(made, 'sbom.cdx.json'), `${JSON.stringify(bill, undefined, 1)}\n`);
  await writeFile(join(made, 'SHA256SUMS'), await checksums(made));
  await rm(folder, { recursive: true, force: true });
  await rename(made, folder);
  return folder;
}

/** As `sha256sum` prints and checks them. */
async function checksums(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const lines = names.map(async (name) => {
    const digest = createHash('sha256').update(await readFile(join(folder, name)));
    return `${digest.digest('hex')}  ${name}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/** The NOTICE that is kept in the project. */
export async function projectNotice(): Promise<string> {
  const { bundles } = await packageFunctions();
  return noticeOf(await bundledComponents(projectRoot, bundles.values()));
}
