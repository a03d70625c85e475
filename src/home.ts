/** The home folder of the user. `HOME` tells, nearly always, and then nothing need be loaded to find it. */
export async function homeFolder(): Promise<string> {
  return process.env.HOME || (await import('node:os')).homedir();
}
