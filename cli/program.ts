import { readFileSync } from 'node:fs';
import addCompletion from '@bomb.sh/tab/commander';
import { Command } from '@commander-js/extra-typings';
import { breakCommand } from './break.ts';
import { checkTemplateCommand } from './check-template.ts';
import { deadLettersCommand } from './dead-letters.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { importCommand } from './import.ts';
import { importsCommand } from './imports.ts';
import { instanceCommand } from './instance.ts';
import { invokeCommand, invokeInstalledCommand } from './invoke.ts';
import { mapCommand } from './map.ts';
import { packageCommand } from './package.ts';
import { redriveCommand } from './redrive.ts';
import { releaseCommand } from './release.ts';
import { sendCommand } from './send.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { isProject, programName } from './typed.ts';

const { version }: { version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

/** The program with all its commands. */
export const program = new Command(programName)
  .description('Cloud events become ServiceNow records: run it here, import files, look after queues.')
  .version(version, '--version', 'shows the version')
  .helpOption('-h, --help', 'shows this text')
  .helpCommand('help [command]', 'shows the options of a command')
  .exitOverride()
  .showHelpAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) });

for (const one of [
  startCommand,
  demoCommand,
  sendCommand,
  importCommand,
  importsCommand,
  statusCommand,
  deadLettersCommand,
  redriveCommand,
  doctorCommand,
  mapCommand,
  breakCommand,
  instanceCommand,
  ...(isProject
    ? [invokeCommand, packageCommand, checkTemplateCommand, releaseCommand]
    : [invokeInstalledCommand]),
])
  program.addCommand(one);
completeCommandLine();

/** Adds `complete`. It parses its words with commands that have no parent, whose usage would not name the program. */
function completeCommandLine(): void {
  const { createCommand } = program;
  program.createCommand = (name) => {
    const made = createCommand.call(program, name);
    made.parent = program;
    return made;
  };
  addCompletion(program);
  program.createCommand = createCommand;
}

/** The words of the command line; `help nope` is as wrong as `nope`. */
export function commandLine(): readonly string[] {
  const [first, name, ...rest] = process.argv.slice(2);
  const isKnown = name === undefined || program.commands.some((one) => one.name() === name);
  return first === 'help' && !isKnown ? [name, ...rest] : process.argv.slice(2);
}
