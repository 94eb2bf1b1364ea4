import { afterAll, vi } from 'vitest';

// One process runs many files, so that what is in node_modules is loaded once. Before each file the modules of the project are
// forgotten: none sees what another left in them. Behind each the process is as it was.
vi.resetModules();
const environment = { ...process.env };

afterAll(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});
