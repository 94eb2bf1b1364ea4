import { AwsError } from '../aws-error.ts';
import { type AwsCall, type Grant, grantsFor, type RolePolicy } from './role-policy.ts';

/** A call that a function’s role did not allow. */
export type RefusedCall = AwsCall & { readonly functionName: string };

/** A right of a function’s role. */
export type FunctionGrant = Grant & { readonly functionName: string };

/**
 * Refuses calls that the caller may not make.
 * @param authorization the request’s header; its access key says who calls
 * @throws {AwsError} AccessDenied, as the service of the first refused call words it
 */
export type Permit = (authorization: string | undefined, ...calls: readonly AwsCall[]) => void;

/** Lets every caller do everything. */
export const permitAll: Permit = () => undefined;

/** What services write down as the id of a caller. */
export type IdOf = (authorization: string | undefined) => string;

/** Stands for an administrator. */
export const administratorId = 'AIDALOCALSENDER';

type Role = { readonly policy: RolePolicy; readonly used: Set<Grant> };

/**
 * What the functions of a stack may call, by the roles of the template, and what of it they did call. Lambda gives each function
 * credentials of its own: here the access key is the function’s name. Every other caller stands for an administrator.
 */
export class AccessControl {
  readonly #roles = new Map<string, Role>();
  readonly #ids = new Map<string, string>();
  readonly #refused: RefusedCall[] = [];

  /** Functions without a role in the template are not restricted. */
  setRoles(
    functions: readonly {
      readonly functionName: string;
      readonly role?: RolePolicy;
      readonly roleId?: string;
    }[],
  ): void {
    for (const { functionName, role, roleId } of functions) {
      if (role) this.#roles.set(functionName, { policy: role, used: new Set() });
      if (roleId) this.#ids.set(functionName, `${roleId}:${functionName}`);
    }
  }

  /** Of a function its role and, as the session, its name. */
  readonly idOf: IdOf = (authorization) => this.#ids.get(accessKey(authorization)) ?? administratorId;

  readonly permit: Permit = (authorization, ...calls) => {
    const functionName = accessKey(authorization);
    for (const call of calls) if (!this.allows(functionName, call)) throw this.#refuse(functionName, call);
  };

  /** Whether a function may make a call; if so, the call counts as made. */
  allows(functionName: string, call: AwsCall): boolean {
    const role = this.#roles.get(functionName);
    if (role === undefined) return true;
    const grants = grantsFor(role.policy, call);
    for (const grant of grants) role.used.add(grant);
    return grants.length > 0;
  }

  /** Every call that was refused so far. */
  get refused(): readonly RefusedCall[] {
    return this.#refused;
  }

  /** Rights of the roles that no call has needed so far. */
  unused(): FunctionGrant[] {
    return [...this.#roles].flatMap(([functionName, { policy, used }]) =>
      policy.grants.filter((grant) => !used.has(grant)).map((grant) => ({ functionName, ...grant })),
    );
  }

  #refuse(functionName: string, { action, resource }: AwsCall): AwsError {
    this.#refused.push({ functionName, action, resource });
    return accessDenied(functionName, { action, resource });
  }
}

/** Services that call it AccessDenied; the others have an exception. */
const oldServices = new Set(['s3', 'sqs', 'cloudwatch', 'sns']);

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function accessDenied(functionName: string, { action, resource }: AwsCall): AwsError {
  const message = `User: ${functionName} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
  const [service = ''] = action.split(':');
  if (oldServices.has(service)) return new AwsError('AccessDenied', message, 403);
  return new AwsError('AccessDeniedException', message, service === 'lambda' ? 403 : 400);
}

/** The access key that a request is signed with. */
function accessKey(authorization = ''): string {
  return /Credential=([^/,]*)/.exec(authorization)?.[1] ?? '';
}
