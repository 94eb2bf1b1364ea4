/** A serverless plugin that finishes the template once everything else has added to it; it runs after the roles per function. */
module.exports = class ShapeTemplate {
  constructor(serverless) {
    this.hooks = {
      'before:package:finalize': async () => {
        const { shapeTemplate } = await import('./template/shape.ts');
        shapeTemplate(serverless.service.provider.compiledCloudFormationTemplate);
      },
    };
  }
};
