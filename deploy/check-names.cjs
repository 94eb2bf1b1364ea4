/**
 * A serverless plugin that refuses a stage whose name makes the name of a resource invalid or too long, which a deployment would only
 * find out half-way.
 */
module.exports = class CheckNames {
  constructor(serverless) {
    const check = () => {
      const problem = problemOf(serverless.service);
      if (problem) throw new serverless.classes.Error(problem, 'STAGE_NAME_INVALID');
    };
    this.hooks = { 'before:package:cleanup': check, 'before:package:function:package': check };
  }
};

/** CloudFormation names the bucket after the stack: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const stagePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

function problemOf({ provider: { stage }, functions }) {
  if (!stagePattern.test(stage))
    return `Stage "${stage}": only lower-case letters, digits and single hyphens between them can be part of a bucket's name.`;
  const names = Object.values(functions).flatMap(({ name, iamRoleStatementsName }) => [
    { what: 'function', name, most: 64 },
    ...(iamRoleStatementsName ? [{ what: 'role', name: iamRoleStatementsName, most: 64 }] : []),
  ]);
  const lengths = names.map(({ what, name, most }) => ({
    text: `the ${what} ${name} may have ${most} characters`,
    over: name.length - most,
  }));
  const worst = lengths.reduce((one, other) => (other.over > one.over ? other : one));
  if (worst.over <= 0) return undefined;
  return `Stage "${stage}" is too long by ${worst.over}: ${worst.text}.`;
}
