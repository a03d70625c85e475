import { createAsk } from '../ask/choose.ts';
import { UserError } from '../errors.ts';
import { serviceOf } from '../service/install.ts';
import { ownerOf } from '../service/sealed-file.ts';
import type { Settings } from '../settings/settings.ts';
import type { ServiceSeen } from './service.ts';

/** Finds out how the service is installed and running. @param settings undefined if they cannot be read */
export async function lookAtService(
  environment: NodeJS.ProcessEnv,
  settings: Settings | undefined,
): Promise<ServiceSeen> {
  let service: ReturnType<typeof serviceOf>;
  try {
    service = serviceOf(environment);
  } catch (error) {
    if (error instanceof UserError) return { none: error.message };
    throw error;
  }
  const unfit = await service.unfit();
  if (unfit !== undefined) return { none: unfit };
  const { owner } = ownerOf(service);
  const look = owner === 'missing' ? undefined : await service.look();
  const log = service.hints.find(([what]) => what === 'log')?.[1] ?? '';
  const inService = look?.session && { ...look.session, ...look.variables };
  const [profile] = settings?.profiles ?? [];
  const ways =
    inService && settings && profile
      ? await createAsk(settings, profile, { environment: inService }).ways()
      : undefined;
  return {
    name: service.name,
    file: service.file,
    owner,
    running: await service.running(),
    look,
    // A service has no terminal.
    ways: ways?.filter(({ name }) => name !== 'terminal'),
    log,
    rival: owner === 'missing' ? await service.rival() : undefined,
    remedies: service.remedies,
  };
}
