import { homedir } from 'node:os';
import { serviceOf, uninstall } from '../service/install.ts';

/** Takes the service away. Credentials and settings stay as they are. */
export async function uninstallCommand({ force = false }: { force?: boolean }): Promise<void> {
  const service = serviceOf(process.env, homedir(), process.platform);
  const done = await uninstall(service, { force });
  process.stderr.write(
    done
      ? `The ${service.name} is gone. Credentials and settings are as they were.\n`
      : `There is no ${service.file}: nothing done.\n`,
  );
}
