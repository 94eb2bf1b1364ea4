import { command, onFunctionsNode } from './command-line.ts';

/** `servicenow-functions release` */
export const releaseCommand = command('release', 'builds zips and a template that need no npm', [''])
  .addHelpText(
    'after',
    '\nBuilds release/: one zip for each function, template.json with parameters, sbom.cdx.json (CycloneDX), NOTICE, SHA256SUMS. See docs/deploy.md.\n',
  )
  .option('--notice', 'writes only the NOTICE of the project, after a change of its dependencies')
  .action(
    onFunctionsNode(async ({ notice }: { notice?: true }) => {
      const { writeFile } = await import('node:fs/promises');
      const { buildRelease, projectNotice } = await import('../deploy/release/release.ts');
      await writeFile(new URL('../NOTICE', import.meta.url), await projectNotice());
      process.stdout.write(`${notice ? 'NOTICE' : await buildRelease()}\n`);
    }),
  );
