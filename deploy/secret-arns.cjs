/**
 * What a function's role may read: the secrets of its connections. Loaded by serverless.yml. A param `secretId` that is one name or
 * ARN is left to the template's parameter; a JSON map becomes a list. AWS adds six characters to a secret's ARN, hence the question
 * marks.
 */
module.exports = async ({ resolveVariable }) => {
  const ids = secretIds(await resolveVariable('param:secretId'));
  return ids === undefined ? arnOfParameter : ids.flatMap(arnOf);
};

const arnOfParameter = {
  'Fn::If': [
    'WithSecretArns',
    { 'Fn::Split': [',', { Ref: 'SecretArns' }] },
    { 'Fn::If': ['SecretIdIsArn', arnsOf({ Ref: 'SecretId' }, `\${SecretId}`), arnOfName(`\${SecretId}`)] },
  ],
};

const expected = 'secretId must be the name or the ARN of a secret, or a JSON map of them by instance';

/** @returns undefined for one id. What CloudFormation reads elsewhere ({{resolve:…}}) is one. */
function secretIds(setting) {
  const given = typeof setting === 'string' && /^\s*\{(?!\{)/.test(setting) ? parse(setting) : setting;
  if (typeof given === 'string' || typeof given === 'number') return undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error(expected);
  const ids = Object.values(given);
  if (ids.length === 0 || ids.some((id) => typeof id !== 'string')) throw new Error(expected);
  return ids;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(expected);
  }
}

function arnOf(secretId) {
  return secretId.startsWith('arn:') ? arnsOf(secretId, secretId) : arnOfName(secretId);
}

/** Secrets Manager takes an ARN without its six characters too, but the right is compared with the whole one. */
function arnsOf(arn, text) {
  return [arn, text === arn ? `${arn}-??????` : { 'Fn::Sub': `${text}-??????` }];
}

function arnOfName(name) {
  return {
    'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`,
  };
}
