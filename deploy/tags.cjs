/** The tags of the stack, which CloudFormation gives to all its resources: the param `tags`, a JSON object. Loaded by serverless.yml. */
module.exports = async ({ resolveVariable }) => tagsOf(await resolveVariable('param:tags'));

function tagsOf(setting) {
  const tags = typeof setting === 'string' ? parse(setting) : setting;
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags))
    throw new Error('tags must be a JSON object');
  for (const [name, value] of Object.entries(tags))
    if (typeof value !== 'string') throw new Error(`tags.${name} must be a string`);
  return tags;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('tags must be a JSON object, e.g. {"team":"payments"}');
  }
}
