import type { KeyMemory } from '../keys/rotation-journal.ts';
import * as texts from '../keys/rotation-texts.ts';
import { shortKeyId } from '../session/session.ts';
import type { Asked } from './ask-aws.ts';
import { absent, type Finding, ok, warning } from './finding.ts';

/**
 * Checks whether a rotation of a key is finished and, with `rotate_every`, whether a key is older than that.
 * @param memoryOf returns what is remembered about the key of a source profile
 * @param now milliseconds since the epoch
 */
export function rotationFindings(
  asked: readonly Pick<Asked, 'profile' | 'source'>[],
  memoryOf: (source: string) => KeyMemory,
  now: number,
): Finding[] {
  const check = 'keys.rotation';
  return asked.flatMap(({ profile: { profile, sourceProfile, rotateEvery, role }, source }) => {
    if (role) return [];
    const { rotation, age } = memoryOf(sourceProfile);
    const mend = `run "${texts.rotateCommand(sourceProfile)}"`;
    if (rotation?.step === 'refreshed') {
      const old = shortKeyId(rotation.oldId);
      return [ok(check, `the key of [${sourceProfile}] is rotated; ${old} is deleted after the next refresh`, profile)];
    }
    if (rotation) {
      return [warning(check, `a rotation of the key of [${sourceProfile}] was interrupted`, mend, profile)];
    }
    if (rotateEvery === undefined) return [];
    if (age?.createdAt === undefined || age.accessKeyId !== source.accessKeyId) {
      return [absent(check, `the age of the key of [${sourceProfile}] is known after the next refresh`, profile)];
    }
    const old = now - age.createdAt;
    const found = `the key of [${sourceProfile}] is ${texts.ageOf(old)} old`;
    if (old < rotateEvery) return [ok(check, found, profile)];
    return [warning(check, `${found}, more than rotate_every`, mend, profile)];
  });
}
