import { command, onFunctionsNode, stackOption } from './command-line.ts';

/** `servicenow-functions invoke` */
export const invokeCommand = command('invoke', 'runs one function from source, with a debugger', [
  'getRecords event.json --inspect',
  `getRecords '{"tableName":"incident","sysparmLimit":1}'`,
])
  .argument('<function>', 'its key in serverless.yml, e.g. getRecords')
  .argument('<event>', 'its event: JSON, a file of it, or - for standard input')
  .option('--inspect', 'waits for a debugger first: set breakpoints in the TypeScript files')
  .addHelpText('after', '\nThe function runs against a fresh local stack, and its answer is printed.\n')
  .action(
    onFunctionsNode(async (key, event, options) => {
      const { runInvoke } = await import('./invoke/run.ts');
      await runInvoke(key, event, options.inspect === true);
    }),
  );

/** The same for the installed program, which has no sources: it calls a function of the running local stack. */
export const invokeInstalledCommand = command('invoke', 'runs one function of your local stack', [
  'getRecords event.json',
])
  .argument('<function>', 'its key, e.g. getRecords')
  .argument('<event>', 'its event: JSON, a file of it, or - for standard input')
  .addOption(stackOption)
  .action(async (key, event, { stack }) => {
    const { runInvokeLocal } = await import('./invoke/run-local.ts');
    await runInvokeLocal(key, event, stack);
  });
