/** True on a Node that can run the functions. */
export function isNodeSupported(): boolean;

/** Runs `node` with these arguments on the Node that was installed with the project, and ends as it ends. */
export function runOnBundledNode(args: readonly string[]): void;

/** Runs a file of the project, or says in one line that packages are missing. */
export function importFile(url: string): Promise<void>;

/** Calls back once npm, which runs this process, is gone. */
export function watchNpm(onGone: () => void): void;
