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

/** @returns undefined for one id */
function secretIds(setting) {
  if (typeof setting === 'object') return Object.values(setting);
  return setting.trim().startsWith('{') ? Object.values(JSON.parse(setting)) : undefined;
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
