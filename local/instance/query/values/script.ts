import type { QueryContext } from '../context.ts';
import type { Fragment } from '../fragment.ts';
import { evaluateDate } from './dates.ts';
import { myGroups } from './membership.ts';

/** What a script of the list comes to. */
export type Evaluated =
  | { readonly kind: 'text'; readonly text: string }
  /** A moment: in UTC, and the date it is in the user's zone. */
  | { readonly kind: 'moment'; readonly utc: string; readonly localDate: string }
  | { readonly kind: 'members'; readonly rows: Fragment };

const callPattern = /^(?:return\s+)?(?:gs\.)?([\w.()]+?)\(([^()]*)\)\s*;?\s*$/;
const argumentPattern = /^\s*(?:'([^']*)'|"([^"]*)"|(-?\d+))\s*$/;

/**
 * Gives the meaning of a script in a query. Nothing is evaluated: what is not one call of a known function with
 * plain arguments is unknown, and comes back as undefined.
 */
export function evaluateScript(script: string, context: QueryContext): Evaluated | undefined {
  const [, name, list = ''] = callPattern.exec(script.trim()) ?? [];
  if (name === undefined) return undefined;
  const values = readArguments(list);
  return values && (evaluateIdentity(name, context) ?? evaluateDate(name, values, context));
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
      return { kind: 'members', rows: myGroups(user.sysId) };
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
