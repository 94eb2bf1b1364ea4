/** The template's Parameters, made of the params of serverless.yml; loaded by serverless.yml. */
module.exports = async ({ resolveVariable }) => {
  const { parameters } = await import('./parameters.ts');
  const { templateParameters } = await import('./template-parameters.ts');
  const values = new Map();
  for (const { param } of parameters) values.set(param, asText(await resolveVariable(`param:${param}`)));
  const settingOf = (param) => values.get(param) ?? '';
  const { checkRegion } = await import('./partitions.ts');
  const { stageToken } = await import('./release/template.ts');
  const region = await resolveVariable('aws:region');
  const isRelease = (await resolveVariable('sls:stage')) === stageToken;
  const { mappingWarnings } = await import('./mapping-warnings.ts');
  const warnings = isRelease ? [] : [...checkRegion(region, settingOf), ...mappingWarnings(settingOf)];
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  return templateParameters(settingOf, region);
};

/** A JSON map may have been parsed already. */
function asText(value) {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
}
