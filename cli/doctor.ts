import { command, list, notBlank, stackOption, tableList, UsageError } from './command-line.ts';

/** `servicenow-functions doctor` */
export const doctorCommand = command('doctor', 'checks secret, network, roles and tables', [
  '--secret servicenow-functions/dev --tables incident,imp_user',
  '--local',
])
  .option('--secret <id>', 'id of the secret in Secrets Manager, or a JSON file', notBlank)
  .option('--local', 'checks what your running local stack talks to')
  .option('--tables <list>', 'tables to check, comma separated (default incident)', (text) =>
    // A last comma names no table.
    list(tableList(text.replace(/,\s*$/, ''))),
  )
  .option('--allowed-hosts <list>', 'hosts outside ServiceNow’s own domains, comma separated', notBlank)
  .addOption(stackOption)
  .addHelpText(
    'after',
    '\nChecks the secret, the network path to the instance, the grant, the clock, roles, tables and import prerequisites. It only reads.\n',
  )
  .option('--json', 'prints the findings as JSON')
  .action(async ({ local, secret, ...options }) => {
    if ((secret === undefined) === (local === undefined))
      throw new UsageError('--secret <id> or --local is needed');
    if (secret !== undefined && options.stack !== undefined)
      throw new UsageError('--stack goes with --local');
    const { runDoctor } = await import('./doctor/run.ts');
    await runDoctor({ ...options, secret });
  });
