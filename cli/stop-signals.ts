/** What asks a command to stop: Ctrl-C, `kill`, and a terminal that closes; with the exit code that a shell gives for each. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Calls back at the first signal that asks this process to stop; the second one ends it at once.
 * @returns ends the waiting
 */
export function onStop(stop: (exitCode: number) => void): () => void {
  const listeners = Object.entries(exitCodes).map(([signal, code]) => {
    const listener = () => {
      off();
      stop(code);
    };
    return [signal, listener] as const;
  });
  const off = () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
  for (const [signal, listener] of listeners) process.once(signal, listener);
  return off;
}
