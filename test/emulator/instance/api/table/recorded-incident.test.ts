import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, startInstance } from '../../../../../emulator/instance/index.ts';
import { call } from '../../caller.ts';
import { recordIn } from '../../records.ts';

let instance: Instance;

beforeAll(async () => {
  instance = await startInstance({ demoData: false });
});
afterAll(() => instance.close());

/**
 * What an instance answered in 2018 to a POST of a number alone: the fields that hold something, in their order, with
 * the effective number that later releases have.
 */
const recorded = [
  ['made_sla', 'true'],
  ['upon_reject', 'cancel'],
  ['sys_updated_on', expect.any(String)],
  ['child_incidents', '0'],
  ['task_effective_number', 'ABC1'],
  ['number', 'ABC1'],
  ['sys_updated_by', expect.any(String)],
  ['opened_by', expect.any(String)],
  ['sys_created_on', expect.any(String)],
  ['sys_domain', 'global'],
  ['state', '1'],
  ['sys_created_by', expect.any(String)],
  ['knowledge', 'false'],
  ['impact', '3'],
  ['active', 'true'],
  ['priority', '5'],
  ['sys_domain_path', '/'],
  ['opened_at', expect.any(String)],
  ['notify', '1'],
  ['sys_class_name', 'incident'],
  ['sys_id', expect.any(String)],
  ['incident_state', '1'],
  ['urgency', '3'],
  ['reassignment_count', '0'],
  ['severity', '3'],
  ['approval', 'not requested'],
  ['sys_mod_count', '0'],
  ['reopen_count', '0'],
  ['escalation', '0'],
  ['upon_approval', 'proceed'],
  ['category', 'inquiry'],
];

describe('a new incident', () => {
  it('is the recorded one: the same fields filled with the same defaults, in the same order', async () => {
    const path = '/api/now/v2/table/incident?sysparm_exclude_reference_link=true';
    const reply = await call(instance, 'POST', path, { json: { number: 'ABC1' } });
    expect(Object.entries(recordIn(reply)).filter(([, value]) => value !== '')).toEqual(recorded);
  });
});
