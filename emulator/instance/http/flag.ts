/** Whether a parameter or header says yes. Clients in Python write `True`, and live instances take that. */
export const isTrue = (text: unknown): boolean => typeof text === 'string' && text.toLowerCase() === 'true';
