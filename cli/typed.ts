import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Commands are run by npm in the project, and by the installed program elsewhere. */
export const isProject = existsSync(join(import.meta.dirname, 'main.ts'));

export const programName = process.argv[1]?.endsWith('snf') ? 'snf' : 'servicenow-functions';

/** npm scripts whose names are not those of their commands. */
const npmScripts: Readonly<Record<string, string>> = {
  start: 'npm start',
  'check-template': 'npm run check:template',
};

/** A command as a person types it here, e.g. `npm run send -- --help`. */
export function typed(name: string, args = ''): string {
  if (!isProject) return [programName, name, args].filter(Boolean).join(' ');
  const script = npmScripts[name] ?? `npm run ${name}`;
  return args ? `${script} -- ${args}` : script;
}
