import { command, notBlank, stackOption, wholeNumber } from './command-line.ts';

/** `servicenow-functions imports` */
export const importsCommand = command('imports', 'lists imports, running and done, newest first', [
  '',
  '--table imp_user --limit 5',
])
  .option('--table <name>', 'only those of this staging table', notBlank)
  .option(
    '--bucket <name>',
    'the import bucket (or IMPORT_BUCKET); default: that of your local stack',
    notBlank,
  )
  .option('--endpoint <url>', 'an S3 endpoint other than AWS, e.g. localhost:4603', notBlank)
  .option('--prefix <folder>', 'where results go, if not results/', notBlank)
  .option('--limit <n>', 'at most so many (default 20)', wholeNumber(1, 1_000))
  .addOption(stackOption)
  .option('--json', 'one line of JSON for each import')
  .action(async (options) => {
    const { runImports } = await import('./import/list-imports.ts');
    await runImports(options);
  });
