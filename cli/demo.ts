import { command, onFunctionsNode } from './command-line.ts';

/** `servicenow-functions demo` */
export const demoCommand = command(
  'demo',
  'shows records being made over HTTP, SQS and CSV, and checks them',
  [''],
)
  .addHelpText(
    'after',
    '\nStarts everything in a fresh folder, creates an incident over HTTP, sends messages, imports a CSV file, lets an alarm go off, and checks what the instance holds.\n',
  )
  .action(
    onFunctionsNode(async () => {
      const { demo } = await import('./demo/run.ts');
      await demo();
    }),
  );
