import { choice, integer, integerChoice, reference, text } from '../../schema/columns.ts';
import type { Table } from '../../schema/table.ts';

/**
 * The table of Security Incident Response, a plugin.
 * @see https://www.servicenow.com/docs/r/security-management/security-incident-response/t_ClosingSecIncidents.html
 */
const securityIncident: Table = {
  name: 'sn_si_incident',
  label: 'Security Incident',
  parent: 'task',
  number: { prefix: 'SIR', digits: 7 },
  columns: [
    integerChoice(
      'state',
      'State',
      [
        ['10', 'Draft'],
        ['16', 'Analysis'],
        ['18', 'Contain'],
        ['19', 'Eradicate'],
        ['20', 'Recover'],
        ['100', 'Review'],
        ['3', 'Closed'],
        ['7', 'Cancelled'],
      ],
      { defaultValue: '10' },
    ),
    text('substate', 'Substate', 40),
    text('category', 'Category', 40),
    text('subcategory', 'Subcategory', 40),
    text('attack_vector', 'Attack vector', 40),
    integerChoice('business_criticality', 'Business criticality', [
      ['1', '1 - Critical'],
      ['2', '2 - High'],
      ['3', '3 - Non-critical'],
    ]),
    integerChoice('severity', 'Severity', [
      ['1', '1 - High'],
      ['2', '2 - Medium'],
      ['3', '3 - Low'],
    ]),
    integer('risk_score', 'Risk score'),
    reference('affected_user', 'Affected user', 'sys_user'),
    choice('close_code', 'Close code', [
      ['Investigation completed', 'Investigation completed'],
      ['Threat mitigated', 'Threat mitigated'],
      ['Patched vulnerability', 'Patched vulnerability'],
      ['Invalid vulnerability', 'Invalid vulnerability'],
      ['Not resolved', 'Not resolved'],
      ['False positive', 'False positive'],
    ]),
  ],
  // "Before a security incident can be closed, you must fill out the information on the Closure Information tab."
  policies: [{ when: { state: ['3'] }, mandatory: ['close_code', 'close_notes'] }],
};

/** Security incidents. */
export const securityTables: readonly Table[] = [securityIncident];
