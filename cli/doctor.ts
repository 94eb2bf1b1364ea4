import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { fetchSecretText } from '../lib/aws/secrets.ts';
import { systemClock } from '../lib/core/clock.ts';
import { commaList, readConfig } from '../lib/core/config.ts';
import { deadlineAt } from '../lib/core/deadline.ts';
import { examine } from '../lib/doctor/examine.ts';
import { formatReport, isHealthy } from '../lib/doctor/finding.ts';
import { runCommand } from './command-line.ts';

const usage = `npm run doctor -- --secret <id in Secrets Manager, or a JSON file> [--tables incident,imp_user] [--allowed-hosts snow.example.com]

Checks the secret, the network path to the instance, the grant, the clock, roles, tables and import prerequisites. It only reads.
`;

/** `npm run doctor`: exits 1 when something failed, 2 without --secret. */
async function main(): Promise<void> {
  const options = {
    secret: { type: 'string' },
    tables: { type: 'string' },
    'allowed-hosts': { type: 'string' },
  } as const;
  const { secret, tables = 'incident', 'allowed-hosts': hosts } = parseArgs({ options }).values;
  if (!secret) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const config = readConfig(hosts === undefined ? process.env : { ...process.env, ALLOWED_HOSTS: hosts });
  const readSecret = () => (isFile(secret) ? readFile(secret, 'utf8') : fetchSecretText(secret));
  const deadline = deadlineAt(Date.now() + 60_000, systemClock);
  const target = { ...config, readSecret, tables: commaList(tables), clock: systemClock };
  const findings = await examine(target, { deadline, correlationId: 'doctor' });
  process.stdout.write(formatReport(findings));
  process.exitCode = isHealthy(findings) ? 0 : 1;
}

/** A folder may have the same name as a secret. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

await runCommand(usage, main);
