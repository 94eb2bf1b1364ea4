const { cp } = require('node:fs/promises');
const { join } = require('node:path');

/**
 * A serverless plugin that bundles the functions before they are zipped, so that `serverless deploy` and `serverless package` never
 * ship outdated code. Next to the bundles it writes `dist/bundles.json`: what each was made of. `deploy/package.ts` names bundles of
 * the same sources, where there are some, in SERVICENOW_FUNCTIONS_BUNDLES.
 */
module.exports = class BundleFunctions {
  constructor({ serviceDir }) {
    const bundle = () => bundleInto(serviceDir);
    this.hooks = {
      'before:package:createDeploymentArtifacts': bundle,
      'before:package:function:package': bundle,
    };
  }
};

async function bundleInto(serviceFolder) {
  const { SERVICENOW_FUNCTIONS_BUNDLES: bundles } = process.env;
  if (bundles) return cp(bundles, join(serviceFolder, 'dist'), { recursive: true });
  const { bundleFunctions } = await import('./bundle.ts');
  await bundleFunctions(serviceFolder);
}
