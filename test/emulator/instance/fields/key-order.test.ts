import { describe, expect, it } from 'vitest';
import { inAnswerOrder } from '../../../../emulator/instance/fields/key-order.ts';

const order = (keys: readonly string[]) => inAnswerOrder(keys.map((key) => ({ key }))).map(({ key }) => key);

/** The first keys of an incident as the documentation of the Batch API prints it, of some ninety in all. */
const printed = [
  ...['parent', 'made_sla', 'caused_by', 'watch_list', 'upon_reject', 'sys_updated_on', 'child_incidents'],
  ...['hold_reason', 'task_effective_number', 'approval_history', 'number', 'resolved_by', 'sys_updated_by'],
  ...['opened_by', 'user_input', 'sys_created_on', 'sys_domain', 'state', 'route_reason', 'sys_created_by'],
];

describe('the order of fields in an answer', () => {
  it('is the printed one, wherever the keys come from', () => {
    const rest = Array.from({ length: 60 }, (_, at) => `u_filler_${at}`);
    const all = order([...printed, ...rest]);
    expect(all.filter((key) => printed.includes(key))).toEqual(printed);
  });

  it('depends on how many there are, since the map grows with them', () => {
    expect(order(['state', 'sys_id', 'short_description'])).toEqual(['sys_id', 'short_description', 'state']);
    expect(order([])).toEqual([]);
  });
});
