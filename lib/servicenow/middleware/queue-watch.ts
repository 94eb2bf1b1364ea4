/** Waits below this are everyday noise, in milliseconds. */
const noticeableMs = 50;

/**
 * Watches `Server-Timing: sem_wait;dur=…`, the time a call waited for one of the node's four REST semaphores (contract
 * 8.2). Gives true when it rises: clearly above what it has been of late.
 */
export function createQueueWatch(): (serverTiming: string | undefined) => boolean {
  let usualMs = 0;
  return (serverTiming) => {
    const text = /sem_wait;[^,]*?dur=([\d.]+)/.exec(serverTiming ?? '')?.[1];
    if (text === undefined) return false;
    const waitMs = Number(text);
    const rises = waitMs > noticeableMs && waitMs > 2 * usualMs;
    usualMs = 0.8 * usualMs + 0.2 * waitMs;
    return rises;
  };
}
