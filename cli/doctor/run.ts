import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fetchSecretText } from '../../lib/aws/secrets.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { deadlineAt } from '../../lib/core/deadline.ts';
import { examine } from '../../lib/doctor/examine.ts';
import { formatReport, isHealthy } from '../../lib/doctor/finding.ts';

/** What the command line says. */
type DoctorOptions = {
  readonly secret: string;
  readonly tables?: readonly string[] | undefined;
  readonly allowedHosts?: string | undefined;
};

/** Prints the findings. Sets the exit code 1 when something failed. */
export async function runDoctor({
  secret,
  tables = ['incident'],
  allowedHosts,
}: DoctorOptions): Promise<void> {
  const config = readConfig({
    ...process.env,
    ...(allowedHosts !== undefined && { ALLOWED_HOSTS: allowedHosts }),
  });
  const readSecret = () => (isFile(secret) ? readFile(secret, 'utf8') : fetchSecretText(secret));
  const deadline = deadlineAt(Date.now() + 60_000, systemClock);
  const target = { ...config, readSecret, tables, clock: systemClock };
  const findings = await examine(target, { deadline, correlationId: 'doctor' });
  process.stdout.write(formatReport(findings));
  process.exitCode = isHealthy(findings) ? 0 : 1;
}

/** A folder may have the same name as a secret. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
