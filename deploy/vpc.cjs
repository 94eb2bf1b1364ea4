/**
 * The network that the functions run in: the VPC of the params `vpcSubnetIds` and `vpcSecurityGroupIds` (comma separated), or none.
 * Loaded by serverless.yml.
 */
module.exports = async ({ resolveVariable }) => {
  const subnetIds = commaList(await resolveVariable('param:vpcSubnetIds'));
  const securityGroupIds = commaList(await resolveVariable('param:vpcSecurityGroupIds'));
  if (subnetIds.length === 0 && securityGroupIds.length === 0) return null;
  if (subnetIds.length > 0 && securityGroupIds.length > 0) return { subnetIds, securityGroupIds };
  throw new Error('vpcSubnetIds and vpcSecurityGroupIds are given together or not at all');
};

function commaList(text) {
  return text.split(',').flatMap((item) => item.trim() || []);
}
