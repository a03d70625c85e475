import { rmSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { userHome } from '../settings/paths.ts';
import { launchd } from './macos-launchd.ts';
import { ownerOf, sealed, writeWhole } from './sealed-file.ts';
import type { Service, Variant } from './service.ts';
import type { Start } from './start.ts';
import { systemd } from './systemd.ts';

/** Returns the service manager of this system. @throws UserError when it has none that we support */
export function serviceOf(environment: NodeJS.ProcessEnv): Service {
  const uid = process.getuid?.() ?? -1;
  if (uid === 0) {
    throw new UserError('do not run this as root; run it as the user who enters the codes', 'usage');
  }
  if (process.platform === 'darwin') return launchd(userHome(), uid);
  if (process.platform === 'linux') return systemd(environment, userHome());
  throw new UserError('this system has neither systemd nor launchd: start "aws-mfa-agent run" at login yourself');
}

/** Returns the text of the file that {@link install} would write. */
export async function planned(service: Service, start: Start): Promise<string> {
  return (await variantsOf(service, start)).at(0)?.text ?? '';
}

export interface Installed {
  /** Whether anything was done. */
  changed: boolean;
  /** What the service has to do without: one line for the user. */
  without?: string;
  /** Where the edited file was saved. */
  kept?: string;
}

/**
 * Writes the service file and starts the agent. Does nothing if that is done already.
 * @param outdated whether the running agent has another version
 * @param force also replaces an edited file
 * @param answering returns the process ID of the agent that answers on the socket, if one does
 */
export async function install(
  service: Service,
  start: Start,
  { force, outdated, answering }: { force: boolean; outdated: boolean; answering: () => Promise<number | undefined> },
): Promise<Installed> {
  await mustFit(service);
  const { owner, text: before } = ownerOf(service);
  if (owner === 'edited' && !force) throw new UserError(editedText(service, 'overwrite'));
  const variants = await variantsOf(service, start);
  const current = force ? undefined : variants.find(({ text }) => text === before);
  if (current && !outdated && (await service.running()) !== undefined) return { changed: false };
  const kept = owner === 'edited' ? `${service.file}.edited` : undefined;
  if (kept) writeWhole(kept, before ?? '');

  let reason: string | undefined;
  for (const { text, without } of current ? [current] : variants) {
    writeWhole(service.file, text);
    reason = await service.start(answering);
    if (reason === undefined) return { changed: true, ...(without && { without }), ...(kept && { kept }) };
  }
  throw new UserError(`the service does not start: ${reason}`);
}

/** Stops the service and removes its file. Returns whether there was one. */
export async function uninstall(service: Service, { force }: { force: boolean }): Promise<boolean> {
  const { owner } = ownerOf(service);
  if (owner === 'missing') return false;
  if (owner === 'edited' && !force) throw new UserError(editedText(service, 'remove'));
  if (!service.isRemovedAnyway) await mustFit(service);
  try {
    await service.stop();
  } catch (error) {
    if (service.isRemovedAnyway) rmSync(service.file, { force: true });
    throw error;
  }
  rmSync(service.file, { force: true });
  await service.forget();
  return true;
}

async function variantsOf(service: Service, start: Start): Promise<Variant[]> {
  const variants = await service.fillIn(start);
  return variants.map((variant) => ({ ...variant, text: sealed(variant.text, service.comment) }));
}

async function mustFit(service: Service): Promise<void> {
  const reason = await service.unfit();
  if (reason !== undefined) throw new UserError(reason);
}

function editedText({ file }: Service, verb: 'overwrite' | 'remove'): string {
  return `${file} was edited and is left unchanged (use --force to ${verb} it)`;
}
