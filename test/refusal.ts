import { expect } from 'vitest';

/** An error about what is in the credentials file, or about the profile that cannot be written. */
export const refusal: Error = expect.objectContaining({
  name: 'UserError',
  code: expect.stringMatching(/^(credentials-file|target-profile)$/),
});
