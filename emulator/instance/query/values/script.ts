import type { QueryContext } from '../context.ts';
import { evaluateDate, type Moment } from './dates.ts';

/** What a script of the list comes to. */
export type Evaluated =
  | Moment
  | { readonly kind: 'text'; readonly text: string }
  /** Any of the groups that the user belongs to. */
  | { readonly kind: 'myGroups' };

const callPattern = /^(?:return\s+)?(?:gs\.)?([\w.()]+?)\(([^()]*)\)\s*;?\s*$/;
const argumentPattern = /^\s*(?:'([^']*)'|"([^"]*)"|(-?\d+))\s*$/;

/**
 * Gives the meaning of a script in a query. Nothing is evaluated: what is not one call of a known function with
 * plain arguments is unknown, and comes back as undefined.
 */
export function evaluateScript(script: string, context: QueryContext): Evaluated | undefined {
  const call = readCall(script);
  return call && (evaluateIdentity(call.name, context) ?? evaluateDate(call.name, call.values, context));
}

/** One call with plain arguments: `gs.daysAgoStart(7)` is `daysAgoStart` with `['7']`. */
export function readCall(script: string): { name: string; values: string[] } | undefined {
  const [, name, list = ''] = callPattern.exec(script.trim()) ?? [];
  const values = readArguments(list);
  return name === undefined || !values ? undefined : { name, values };
}

function evaluateIdentity(name: string, { user }: QueryContext): Evaluated | undefined {
  switch (name) {
    case 'getUserID':
    case 'user_id':
    case 'getUser().getID':
      return { kind: 'text', text: user.sysId };
    case 'getUserName':
    case 'getUser().getName':
      return { kind: 'text', text: user.userName };
    case 'getUserDisplayName':
    case 'getUser().getDisplayName':
    case 'getUser().getFullName':
      return { kind: 'text', text: user.name };
    case 'getMyGroups':
    case 'getUser().getMyGroups':
      return { kind: 'myGroups' };
    default:
      return undefined;
  }
}

function readArguments(list: string): string[] | undefined {
  if (list.trim() === '') return [];
  const values = list.split(',').map((part) => {
    const [, single, double, number] = argumentPattern.exec(part) ?? [];
    return single ?? double ?? number;
  });
  return values.every((value) => value !== undefined) ? values : undefined;
}
