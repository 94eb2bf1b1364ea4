import { explainFailure } from '../aws/denial.ts';
import { broken, type Finding } from './finding.ts';

/** Runs one check of AWS; a call that fails becomes a finding that names the action. */
export async function attempt(
  subject: string,
  action: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    const { kind, reason, advice } = explainFailure(error, action);
    return [broken(subject, kind === 'no-answer' ? `${reason} to ${action}` : reason, advice)];
  }
}
