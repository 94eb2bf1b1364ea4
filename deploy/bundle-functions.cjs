/**
 * A serverless plugin that bundles the functions before they are zipped, so that `serverless deploy` and `serverless package` never
 * ship outdated code. Next to the bundles it writes `dist/bundles.json`: what each was made of.
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
  const { bundleFunctions } = await import('./bundle.ts');
  await bundleFunctions(serviceFolder);
}
