/** A serverless plugin that finishes the template once everything else has added to it; it runs after the roles per function. */
module.exports = class ShapeTemplate {
  constructor(serverless) {
    const template = () => serverless.service.provider.compiledCloudFormationTemplate;
    this.hooks = {
      'before:package:finalize': async () => {
        const { shapeTemplate } = await import('./template/shape.ts');
        shapeTemplate(template());
      },
      // The queues are in the template only once the resources of serverless.yml are.
      'after:aws:package:finalize:mergeCustomProviderResources': async () => {
        const { addEventRules, letSendersSend } = await import('./template/events.ts');
        const { checkVariables } = await import('./template/variables.ts');
        const { compileMappings } = await import('../lib/events/compile.ts');
        const { mappingsFolder } = await import('./bundled-mappings.ts');
        addEventRules(template(), compileMappings(mappingsFolder));
        letSendersSend(template());
        checkVariables(template());
      },
    };
  }
};
