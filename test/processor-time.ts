/**
 * Starts a clock that goes only while this process computes: a limit holds on a machine that others share.
 * @returns how far it has come, in milliseconds
 */
export function processorTime(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}
