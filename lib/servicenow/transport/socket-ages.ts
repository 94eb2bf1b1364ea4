/** A pause of the process that is shorter than this is none. */
const freezeMs = 1_000;

/**
 * Knows when sockets have outlived the server's keep-alive. While Lambda freezes a process no timer runs, so undici does not
 * notice that itself; wall time shows it. undici takes the first free socket, so the last of them has been idle since that
 * many calls were in flight at once.
 *
 *   two calls ──── one call ──── frozen ────► next call
 *   #widestAtMs    #lastUsedMs │◄── freeze ─►│ the second socket is older than it looks
 */
export class SocketAges {
  #inFlight = 0;
  #widest = 0;
  #widestAtMs: number;
  #lastUsedMs: number;

  constructor(nowMs: number) {
    this.#widestAtMs = nowMs;
    this.#lastUsedMs = nowMs;
  }

  begin(): void {
    this.#inFlight += 1;
    this.#widest = Math.max(this.#widest, this.#inFlight);
  }

  end(nowMs: number): void {
    if (this.#inFlight === this.#widest) this.#widestAtMs = nowMs;
    this.#inFlight -= 1;
    this.#lastUsedMs = nowMs;
  }

  /** True while calls are in flight and all `sockets` there may be were open at once: a call more opens no other one. */
  areAllInPlay(sockets: number): boolean {
    return this.#inFlight > 0 && this.#widest >= sockets;
  }

  /** True when none is in use, and one may have been idle for longer than `keepAliveMs`. */
  outlived(keepAliveMs: number, nowMs: number): boolean {
    const idleMs = nowMs - this.#lastUsedMs;
    if (this.#inFlight > 0) return false;
    return idleMs > keepAliveMs || (idleMs > freezeMs && nowMs - this.#widestAtMs > keepAliveMs);
  }
}
