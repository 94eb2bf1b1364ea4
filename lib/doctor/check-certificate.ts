import type { Clock } from '../core/clock.ts';
import type { TlsSettings } from '../servicenow/connection/secret.ts';
import { lifeOfOwnCertificate } from '../servicenow/transport/dispatcher.ts';
import { type Finding, ok, warning } from './finding.ts';

const dayMs = 86_400_000;
/** Time to order a certificate and have it mapped to a user. */
const noticeDays = 30;

/** When does the client certificate expire? No finding for a secret without one. */
export function checkCertificate(tls: TlsSettings | undefined, clock: Clock): readonly Finding[] {
  const life = lifeOfOwnCertificate(tls);
  if (!life) return [];
  const daysLeft = Math.floor((life.toMs - clock.now()) / dayMs);
  const found = `the client certificate expires on ${new Date(life.toMs).toISOString().slice(0, 10)}`;
  if (daysLeft >= noticeDays) return [ok('certificate', found)];
  return [
    warning(
      'certificate',
      found,
      'before then, map a new certificate to the user and store it in the secret',
    ),
  ];
}
