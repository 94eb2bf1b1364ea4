import type { Clock } from '../core/clock.ts';
import type { TlsSettings } from '../servicenow/connection/secret.ts';
import { lifeOfOwnCertificate } from '../servicenow/transport/dispatcher.ts';
import { type Finding, look, ok } from './finding.ts';

const dayMs = 86_400_000;
/** What it takes to order a certificate and have it mapped to a user. */
const noticeDays = 30;

/** How long does the client certificate last? Gives nothing for a secret without one. */
export function checkCertificate(tls: TlsSettings | undefined, clock: Clock): readonly Finding[] {
  const life = lifeOfOwnCertificate(tls);
  if (!life) return [];
  const daysLeft = Math.floor((life.toMs - clock.now()) / dayMs);
  const found = `the client certificate ends on ${new Date(life.toMs).toISOString().slice(0, 10)}`;
  if (daysLeft >= noticeDays) return [ok('certificate', found)];
  return [
    look('certificate', found, 'have its successor mapped to the user, and store it in the secret in time'),
  ];
}
