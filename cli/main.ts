#!/usr/bin/env node
/** `npx servicenow-functions <command>`: the tools for people who run a deployment. */
const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  redrive: () => import('./redrive.ts'),
  import: () => import('./import.ts'),
  doctor: () => import('./doctor.ts'),
};

// The command is taken out, so that each tool reads its options where it would find them when run by itself.
const [name = ''] = process.argv.splice(2, 1);
const run = commands[name];
if (run) await run();
else {
  process.stderr.write(`npx servicenow-functions ${Object.keys(commands).join(' | ')} [options]\n`);
  process.exitCode = 2;
}
