import { explained, isMissing } from './explain.ts';
import { readFile } from './read.ts';

/**
 * @returns undefined when the file is missing
 * @throws UserError when it cannot be read
 */
export async function readCredentials(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw explained(error, 'read', file);
  }
}
