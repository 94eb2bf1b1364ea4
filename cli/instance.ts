import { command, onFunctionsNode } from './command-line.ts';
import { isProject, typed } from './typed.ts';

/** `servicenow-functions instance`: its options are those of the emulator, which is a package of its own. */
export const instanceCommand = command('instance', 'runs the emulated ServiceNow instance by itself', [
  '--port 0 --control',
])
  .helpOption(false)
  .allowUnknownOption()
  .argument('[options...]')
  .action(
    onFunctionsNode(async () => {
      const { runInstance } = await import('../emulator/instance/main.ts');
      await runInstance(process.argv.slice(3), isProject ? undefined : typed('instance'));
    }),
  );
