import { shellWord } from '../plain.ts';
/** The unit decides in which folders the service may write. */
export function readOnlyInService(folder: string): string {
  return `the service cannot write in ${folder}: run "systemctl --user edit aws-mfa-agent" and add [Service] ReadWritePaths=${folder}`;
}

/** Inside the service, a file cannot be given to another user or group. */
export function foreignInService(file: string): string {
  return `${file} belongs to another user or group, which the service cannot keep: run chown "$(id -u):$(id -g)" ${shellWord(file)}`;
}
