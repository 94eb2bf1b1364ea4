import { command, notBlank, required } from './command-line.ts';

/** `servicenow-functions import` */
export const importCommand = command('import', 'uploads a file and follows its import into ServiceNow', [
  'people.csv --table imp_user',
])
  .argument('<file>', '.csv, .tsv or .jsonl, also with .gz')
  .option('--table <name>', 'staging table that takes the rows, e.g. imp_user', notBlank)
  .option(
    '--bucket <name>',
    "the deployment's import bucket (or IMPORT_BUCKET); default: that of your running local stack",
    notBlank,
  )
  .option('--endpoint <url>', 'an S3 endpoint other than AWS, e.g. localhost:4603', notBlank)
  .addHelpText('after', '\nExits 0 only when every line was inserted, updated or left unchanged.\n')
  .action(async (file, options) => {
    const { runImport } = await import('./import/run.ts');
    await runImport({ ...options, file, table: required(options.table, '--table <name>') });
  });
