import { reconcileHandler } from '../lib/runtime.ts';

/**
 * Asks the sources about every open record that a signal made (CloudWatch DescribeAlarms, Security Hub GetFindings), and sends a signal
 * for each that has recovered: heals recoveries that were lost, overtaken or never sent, and alarms that were deleted. Opens records of
 * composite alarms that still sound after their suppression.
 *
 * Trigger: a schedule, or a direct Invoke with any event.
 *
 * Environment: `RECORDS_FIFO_QUEUE_URL`, where signals go; `STATE_TABLE`.
 *
 * Answers `{ asked, sent, failures }`: open records that were asked about, signals that were sent, and why some could not be asked.
 */
export const handler = reconcileHandler();
