/** True on a Node that can run the functions. */
export function isNodeSupported(): boolean;

/** Runs `node` with these arguments on the Node that was installed with the project, and ends as it ends. */
export function runOnBundledNode(args: readonly string[]): void;
