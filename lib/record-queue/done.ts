/** How a write came to its end: carried out now, or found to have been carried out before. */
export type Done = 'done' | 'repeated';
