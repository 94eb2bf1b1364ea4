/** The template's Parameters, made of the params of serverless.yml; loaded by serverless.yml. */
module.exports = async ({ resolveVariable }) => {
  const { parameters, templateParameters } = await import('./parameters.ts');
  const values = new Map();
  for (const { param } of parameters) values.set(param, asText(await resolveVariable(`param:${param}`)));
  return templateParameters((param) => values.get(param) ?? '');
};

/** A JSON map may have been parsed already. */
function asText(value) {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
}
