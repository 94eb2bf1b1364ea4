import { readFile } from 'node:fs/promises';

type Command = { readonly about: string; readonly run: () => Promise<unknown> };

/** Each command is a module that reads its own options and runs when it is loaded. */
const commands: Readonly<Record<string, Command>> = {
  start: { about: 'run the functions and everything around them here', run: () => import('./start.ts') },
  demo: { about: 'watch records being made over HTTP, SQS and CSV', run: () => import('./demo.ts') },
  import: { about: 'upload a file and follow its import', run: () => import('./import.ts') },
  redrive: { about: 'move dead letters back to their queue', run: () => import('./redrive.ts') },
  doctor: { about: 'check secret, network, roles and tables', run: () => import('./doctor.ts') },
  invoke: { about: 'run one function from source, with a debugger', run: () => import('./invoke.ts') },
  package: { about: 'make the zips and the template', run: () => import('./package.ts') },
  'check-template': { about: 'check the template as AWS would', run: () => import('./check-template.ts') },
};

const width = Math.max(...Object.keys(commands).map((name) => name.length));
const usage = `servicenow-functions <command> [options]

${Object.entries(commands)
  .map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  .join('\n')}

  servicenow-functions <command> --help
  servicenow-functions --version
`;

// The command is taken out, so that each module finds its options where it would find them when run by itself.
const [name = ''] = process.argv.splice(2, 1);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command) await command.run();
else if (name === '--help' || name === 'help') process.stdout.write(usage);
else if (name === '--version') process.stdout.write(`${await version()}\n`);
else {
  const similar = Object.keys(commands).find((known) => distance(known, name) <= 2);
  const hint = similar ? `; did you mean ${similar}?` : '';
  process.stderr.write(`${name === '' ? '' : `${name} is not a command${hint}\n\n`}${usage}`);
  process.exitCode = 2;
}

async function version(): Promise<string> {
  const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  return manifest.version;
}

/** How many letters have to be changed, added or left out to make one word of the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, wanted] of [...other].entries()) {
      const [left = 0, above = 0, diagonal = 0] = [next[j], row[j + 1], row[j]];
      next.push(Math.min(left + 1, above + 1, diagonal + (letter === wanted ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
