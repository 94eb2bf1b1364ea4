import { RegoEngine, TemplateFile } from '@aws/cloudformation-validate';
import type { Finding } from './finding.ts';

/** A runtime that Lambda does not know is only a warning to the engine. */
const fatalWarnings = new Set(['W3030']);

/** What AWS's own validator holds against a template file: its errors, and an unknown runtime. */
export function engineFindings(templateFile: string): Finding[] {
  const engine = new RegoEngine();
  try {
    const { diagnostics } = engine.validateStandard(new TemplateFile(templateFile));
    return diagnostics
      .filter(
        ({ severity, ruleId }) => severity === 'FATAL' || severity === 'ERROR' || fatalWarnings.has(ruleId),
      )
      .map(({ ruleId, message, entity, propertyPath }) => ({
        rule: ruleId,
        where: [entity?.logicalId, propertyPath].filter(Boolean).join(' '),
        message,
      }));
  } finally {
    engine.free();
  }
}
