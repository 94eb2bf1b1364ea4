/** A function as a caller names it: by name, by partial or whole ARN, with or without a qualifier. */
export type FunctionReference = { readonly name: string; readonly qualifier?: string };

/**
 * Reads `name`, `name:alias`, `account:function:name` or `arn:aws:lambda:region:account:function:name:alias`.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function parseFunctionReference(text: string): FunctionReference {
  const afterFunction = /(?:^|:)function:(.+)$/.exec(text)?.[1] ?? text;
  const [name = '', qualifier] = afterFunction.split(':');
  return qualifier === undefined || qualifier === '' ? { name } : { name, qualifier };
}
