import { StateRefusedError } from '../../../lib/aws/state-calls.ts';
import type { Condition, StateValue, Update } from '../../../lib/aws/state-expressions.ts';
import type { StateItem, StateKey, StateTable } from '../../../lib/aws/state-table.ts';
import type { Clock } from '../../../lib/core/clock.ts';

/**
 * The state table in memory, for tests that make thousands of calls; `state-tables.test.ts` holds both it and DynamoDB to one
 * behaviour.
 */
export function memoryStateTable(
  clock: Clock,
): StateTable & { readonly items: ReadonlyMap<string, StateItem> } {
  const items = new Map<string, StateItem>();
  const nameOf = ({ pk, sk }: StateKey) => JSON.stringify([pk, sk]);
  const live = (item: StateItem | undefined): StateItem | undefined => {
    const isExpired = item?.expiresAt !== undefined && item.expiresAt <= Math.floor(clock.now() / 1000);
    return isExpired ? undefined : item;
  };
  const holds = (key: StateKey, condition: Condition | undefined): boolean =>
    condition === undefined || isMet(condition, live(items.get(nameOf(key))));
  const put = async (item: StateItem, condition?: Condition): Promise<boolean> => {
    checkSize(item);
    if (!holds(item, condition)) return false;
    items.set(nameOf(item), structuredClone(item));
    return true;
  };
  const remove = async (key: StateKey): Promise<void> => {
    items.delete(nameOf(key));
  };
  const read = async (key: StateKey) => structuredClone(live(items.get(nameOf(key))));

  return {
    items,
    put,
    read,
    delete: remove,
    readMany: (keys) => Promise.all(keys.map(read)),
    async writeMany(writes) {
      for (const write of writes) if ('put' in write) checkSize(write.put);
      for (const write of writes) await ('put' in write ? put(write.put) : remove(write.delete));
    },
    async update(key, { set = {}, add = {}, remove: gone = [] }: Update, condition) {
      if (!holds(key, condition)) return undefined;
      const before = live(items.get(nameOf(key))) ?? { pk: key.pk, sk: key.sk };
      const added = Object.entries(add).map(([name, by]) => [name, Number(before[name] ?? 0) + by]);
      const after = Object.entries({ ...before, ...set, ...Object.fromEntries(added) });
      const kept = Object.fromEntries(after.filter(([name]) => !gone.includes(name)));
      const item: StateItem = { ...kept, pk: key.pk, sk: key.sk };
      items.set(nameOf(key), structuredClone(item));
      return structuredClone(item);
    },
    async query(pk, { prefix, from, to, limit, descending } = {}) {
      const found = [...items.values()].filter(({ pk: one, sk }) => {
        if (one !== pk) return false;
        if (prefix !== undefined) return sk.startsWith(prefix);
        return (from === undefined || sk >= from) && (to === undefined || sk <= to);
      });
      found.sort((a, b) => (a.sk < b.sk ? -1 : 1));
      if (descending) found.reverse();
      return structuredClone(found.filter((item) => live(item) !== undefined).slice(0, limit));
    },
  };
}

/** As DynamoDB counts, more or less. @throws StateRefusedError */
function checkSize(item: StateItem): void {
  if (Buffer.byteLength(JSON.stringify(item)) > 400 * 1024) throw new StateRefusedError();
}

function isMet(condition: Condition, item: StateItem | undefined): boolean {
  if ('allOf' in condition) return condition.allOf.every((one) => isMet(one, item));
  if ('anyOf' in condition) return condition.anyOf.some((one) => isMet(one, item));
  if ('is' in condition) return (item === undefined) === (condition.is === 'absent');
  const value = item?.[condition.attribute];
  if ('exists' in condition) return (value !== undefined) === condition.exists;
  return value !== undefined && compare(value, condition.operator, condition.value);
}

function compare(value: StateValue, operator: string, other: StateValue): boolean {
  if (operator === '=') return value === other;
  if (operator === '<>') return value !== other;
  if (typeof value !== typeof other || value === null || other === null) return false;
  switch (operator) {
    case '<':
      return value < other;
    case '<=':
      return value <= other;
    case '>':
      return value > other;
    default:
      return value >= other;
  }
}
