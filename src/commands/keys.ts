import type { KeyAction } from '../cli/options.ts';
import { write } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { keyStore } from '../keys/stores.ts';
import { plain } from '../plain.ts';
import type { KeyPlace } from '../settings/forms.ts';
import type { Settings } from '../settings/settings.ts';
import { userSettings } from '../settings/settings.ts';
import type { RotateOptions } from './keys-rotate.ts';

/** Shows and moves the long-term keys of source profiles. */
export async function keysCommand(
  action: KeyAction,
  source: string | undefined,
  options: RotateOptions,
): Promise<void> {
  if (action !== 'rotate' && (options.delete || options.keep)) {
    throw new UserError(`${options.delete ? '--delete' : '--keep'}: only for keys rotate`, 'usage');
  }
  const settings = userSettings(options);
  switch (action) {
    case 'list':
      return list(source === undefined ? sourcesOf(settings) : [source], settings);
    case 'rotate':
      return (await import('./keys-rotate.ts')).rotateKeys(source, settings, options);
  }
}

/** Returns the source profiles of the settings that have long-term keys. */
function sourcesOf({ profiles }: Settings): string[] {
  return [...new Set(profiles.map(({ sourceProfile, role }) => role?.keysProfile ?? sourceProfile))];
}

/** Returns where the settings say that the keys of a source profile are. */
function placeOf(source: string, { profiles }: Settings): KeyPlace {
  return profiles.find(({ sourceProfile, role }) => sourceProfile === source && !role?.isChained)?.keys ?? 'file';
}

/** Prints where the keys of each source profile are. */
async function list(sources: readonly string[], settings: Settings): Promise<void> {
  const { files } = settings;
  for (const source of sources) {
    const store = keyStore(placeOf(source, settings), files);
    try {
      const pair = await store.read(source);
      write(1, `${plain(source)}  ${pair?.accessKeyId ?? '-'}  ${plain(store.name)}\n`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      write(1, `${plain(source)}  -  ${plain(error.message)}\n`);
    }
  }
}
