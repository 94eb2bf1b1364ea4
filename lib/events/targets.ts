import type { Parts } from './mapping.ts';

/** What is built in for a target; `defaults.yaml`, the file and the entry that matched are laid over it. */
const builtIn: Readonly<Record<string, Parts>> = {
  incident: {
    resolve: { state: { literal: '6' } },
    reopen: { within: 'PT4H', state: '2', atMost: 5 },
  },
  sn_si_incident: {
    resolve: { state: { literal: '100' } },
    reopen: { within: 'PT4H', state: '16', atMost: 5 },
  },
};

/** What is built in for a target table; nothing for the others. */
export function builtInParts(target: string): Parts {
  return Object.hasOwn(builtIn, target) ? (builtIn[target] ?? {}) : {};
}
