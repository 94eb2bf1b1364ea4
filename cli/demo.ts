import { command, onFunctionsNode, wholeNumber } from './command-line.ts';

/** `servicenow-functions demo` */
export const demoCommand = command(
  'demo',
  'shows records being made over HTTP, SQS and CSV, and checks them',
  ['', '--chaos'],
)
  .option(
    '--chaos',
    'sends messages while the instance breaks and processes are killed, and counts the records',
  )
  .option('--messages <n>', 'for --chaos: so many (default 500)', wholeNumber(1, 5_000))
  .option('--seed <n>', 'for --chaos: repeats the plan of a run', wholeNumber(0, 999_999))
  .addHelpText(
    'after',
    '\nStarts everything in a fresh folder, creates an incident over HTTP, sends messages, imports a CSV file, lets an alarm go off, and checks what the instance holds.\n',
  )
  .action(
    onFunctionsNode(async (options) => {
      const { demo } = await import('./demo/run.ts');
      await demo(options);
    }),
  );
