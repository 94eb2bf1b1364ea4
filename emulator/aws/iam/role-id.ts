import { createHash } from 'node:crypto';

/** The id of a role, as `Fn::GetAtt` of its `RoleId` gives it and as services attest a caller that has assumed it. */
export function roleIdOf(roleName: string): string {
  return `AROA${createHash('sha256').update(roleName).digest('hex').slice(0, 17).toUpperCase()}`;
}
