import { fetchSecretText } from '../../lib/aws/secrets.ts';
import { deadlineAt, systemClock } from '../../lib/core/clock.ts';
import { commaList, readConfig } from '../../lib/core/config.ts';
import { examine } from '../../lib/doctor/examine.ts';
import { type Finding, formatReport, isHealthy, ok } from '../../lib/doctor/finding.ts';
import { readSecretFrom } from '../secret.ts';

/** What the command line says. */
type DoctorOptions = {
  readonly secret?: string | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly allowedHosts?: string | undefined;
  readonly stack?: string | undefined;
  readonly json?: boolean | undefined;
};

/**
 * Prints the findings. Sets the exit code 1 when something failed.
 * @param options without a secret: that of the local stack
 */
export async function runDoctor({
  secret,
  tables = ['incident'],
  allowedHosts,
  stack,
  json,
}: DoctorOptions): Promise<void> {
  const source = readSecretFrom(secret, stack);
  const config = readConfig(process.env);
  const target = {
    ...config,
    allowedHosts: [
      ...(allowedHosts === undefined ? config.allowedHosts : commaList(allowedHosts)),
      ...source.allowedHosts,
    ],
    readSecret: () => source.read(fetchSecretText),
    tables,
    clock: systemClock,
  };
  const deadline = deadlineAt(Date.now() + 60_000, systemClock);
  const found = await examine(target, { deadline, correlationId: 'doctor' });
  const findings = source.isEmulated ? found.map(ofEmulated) : found;
  const healthy = isHealthy(findings);
  process.stdout.write(json ? `${JSON.stringify({ healthy, findings })}\n` : formatReport(findings));
  process.exitCode = healthy ? 0 : 1;
}

/** The emulated user is an administrator by design: nothing is to be done about it, but it shows nothing of the roles that are needed. */
function ofEmulated(finding: Finding): Finding {
  const { subject, state, found } = finding;
  if (subject !== 'roles' || state !== 'warning') return finding;
  return ok(subject, `${found}, of the emulated user; on an instance of yours they are checked`);
}
