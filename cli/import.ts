import { command, notBlank, required, stackOption, UsageError } from './command-line.ts';

/** `servicenow-functions import` */
export const importCommand = command('import', 'uploads a file and follows its import into ServiceNow', [
  'people.csv --table imp_user',
  'people.csv --table imp_user --dry-run',
  'people.csv --table imp_user --settings _import.json',
  '--follow imports/imp_user/people.csv',
])
  .argument('[file]', '.csv, .tsv or .jsonl, also with .gz')
  .option('--table <name>', 'staging table that takes the rows, e.g. imp_user', notBlank)
  .option(
    '--bucket <name>',
    "the deployment's import bucket (or IMPORT_BUCKET); default: that of your running local stack",
    notBlank,
  )
  .option('--endpoint <url>', 'an S3 endpoint other than AWS, e.g. localhost:4603', notBlank)
  .option('--dry-run', 'says what the pre-flight will say, and uploads nothing')
  .option('--suggest', 'writes an _import.json next to the file, from its header and the staging columns')
  .option(
    '--settings <file>',
    "an _import.json that goes into the table's folder before the file; for --dry-run default: the one next to the file",
    notBlank,
  )
  .option('--secret <id>', 'for --dry-run and --suggest: id in Secrets Manager, or a JSON file', notBlank)
  .option(
    '--follow <key>',
    'follows the import of the file at a key, or the newest of a results folder',
    notBlank,
  )
  .addOption(stackOption)
  .option('--json', 'prints the summary of the import as JSON; all else goes to standard error')
  .addHelpText('after', '\nExits 0 only when every line was inserted, updated or left unchanged.\n')
  .action(async (file, options) => {
    const { follow, dryRun, suggest, ...rest } = options;
    if ([follow, dryRun, suggest].filter((given) => given !== undefined).length > 1)
      throw new UsageError('--follow, --dry-run and --suggest cannot be given together');
    if (options.json && (dryRun ?? suggest) !== undefined)
      throw new UsageError('--json cannot be given together with --dry-run or --suggest');
    const runs = await import('./import/run.ts');
    if (follow !== undefined) {
      if (file !== undefined) throw new UsageError('--follow takes no file');
      const other = (['table', 'settings', 'secret'] as const).find((name) => options[name] !== undefined);
      if (other !== undefined) throw new UsageError(`--follow takes no --${other}`);
      return runs.runFollow({ ...rest, key: follow });
    }
    const drop = {
      ...rest,
      file: required(file, '<file>'),
      table: required(options.table, '--table <name>'),
    };
    if (dryRun) await runs.runPreflight(drop, 'dry-run');
    else if (suggest) await runs.runPreflight(drop, 'suggest');
    else await runs.runImport(drop);
  });
