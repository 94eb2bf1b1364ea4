/**
 * What a function's role may read: the ARN of each secret that the param `secretId` names (one name or ARN, or a JSON map of them).
 * Loaded by serverless.yml. AWS adds six characters to a secret's ARN, hence the question marks.
 */
module.exports = async ({ resolveVariable }) => secretIds(await resolveVariable('param:secretId')).map(arnOf);

function secretIds(setting) {
  if (typeof setting === 'object') return Object.values(setting);
  return setting.trim().startsWith('{') ? Object.values(JSON.parse(setting)) : [setting];
}

function arnOf(secretId) {
  if (secretId.startsWith('arn:')) return secretId;
  return {
    'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${secretId}-??????`,
  };
}
