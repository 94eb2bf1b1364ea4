/**
 * A serverless plugin that runs after the roles per function are made: drops the shared role, which nothing uses any more, and the
 * right to create log groups, since the template creates each with its retention.
 */
module.exports = class TightenRoles {
  constructor(serverless) {
    this.hooks = { 'before:package:finalize': () => tightenRoles(serverless.service.provider) };
  }
};

function tightenRoles({ compiledCloudFormationTemplate: { Resources } }) {
  delete Resources.IamRoleLambdaExecution;
  for (const { Type, Properties } of Object.values(Resources)) {
    if (Type === 'AWS::IAM::Role') Properties.Policies.forEach(dropLogGroupCreation);
  }
}

function dropLogGroupCreation({ PolicyDocument }) {
  for (const statement of PolicyDocument.Statement) {
    if (Array.isArray(statement.Action))
      statement.Action = statement.Action.filter((action) => action !== 'logs:CreateLogGroup');
  }
}
