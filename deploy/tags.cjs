/** The tags of the stack, which CloudFormation gives to all its resources: the param `tags`, a JSON object. Loaded by serverless.yml. */
module.exports = async ({ resolveVariable }) => tagsOf(await resolveVariable('param:tags'));

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html */
const mostTags = 50;

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html */
const characters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const allowed = 'letters, digits, blanks and _ . : / = + - @';

function tagsOf(setting) {
  const tags = typeof setting === 'string' ? parse(setting) : setting;
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags))
    throw new Error('tags must be a JSON object');
  for (const [name, value] of Object.entries(tags)) {
    if (typeof value !== 'string') throw new Error(`tags.${name} must be a string`);
    if (/^aws:/i.test(name)) throw new Error(`tags.${name}: names that begin with aws: are reserved`);
    if (name.length < 1 || name.length > 128) throw new Error(`tags.${name}: a name has 1 to 128 characters`);
    if (value.length > 256) throw new Error(`tags.${name} has more than 256 characters`);
  }
  for (const [name, value] of Object.entries(tags)) {
    if (!characters.test(name)) throw new Error(`tags.${name}: a name has ${allowed}`);
    if (!characters.test(value)) throw new Error(`tags.${name}: a value has ${allowed}`);
  }
  const names = Object.keys(tags).map((name) => name.toLowerCase());
  const twice = Object.keys(tags).find((name, place) => names.indexOf(name.toLowerCase()) < place);
  if (twice) throw new Error(`tags.${twice}: roles take a name once, in any letter case`);
  if (Object.keys(tags).length > mostTags) throw new Error(`tags: CloudFormation takes ${mostTags}`);
  return tags;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('tags must be a JSON object, e.g. {"team":"payments"}');
  }
}
