/** Choice lists that several tables share, value then label. */
/** Of impact and of urgency. */
export const threeLevels = [
  ['1', '1 - High'],
  ['2', '2 - Medium'],
  ['3', '3 - Low'],
] as const;

export const priority = [
  ['1', '1 - Critical'],
  ['2', '2 - High'],
  ['3', '3 - Moderate'],
  ['4', '4 - Low'],
  ['5', '5 - Planning'],
] as const;

export const taskState = [
  ['-5', 'Pending'],
  ['1', 'Open'],
  ['2', 'Work in Progress'],
  ['3', 'Closed Complete'],
  ['4', 'Closed Incomplete'],
  ['7', 'Closed Skipped'],
] as const;

export const approval = [
  ['not requested', 'Not Yet Requested'],
  ['requested', 'Requested'],
  ['approved', 'Approved'],
  ['rejected', 'Rejected'],
] as const;

export const contactType = [
  ['email', 'Email'],
  ['monitoring', 'Monitoring'],
  ['phone', 'Phone'],
  ['self-service', 'Self-service'],
  ['walk-in', 'Walk-in'],
] as const;

export const escalation = [
  ['0', 'Normal'],
  ['1', 'Moderate'],
  ['2', 'High'],
  ['3', 'Overdue'],
] as const;
