/** The administrator whom every demo instance knows. */
export const demoUser = { userName: 'integration.user', password: 'Emulator-only-1' } as const;

/** The OAuth application that every demo instance knows. */
export const demoClient = {
  clientId: '0c7a1b5e9d3f4a6288e1f0d2c4b6a890',
  clientSecret: 'emulator-client-secret',
} as const;
