import { isWritableName } from '../credentials/document.ts';
import { UserError } from '../errors.ts';
import { type Arrangement, type Files, type Found, freeName, newArrangement, type Source } from './found.ts';
import type { Questions } from './questions.ts';
import * as texts from './texts.ts';

/** A value that is not the name of a profile. */
const ANOTHER = '\n';

/**
 * Returns the MFA profile and its source profile: those of the options, or chosen from what was found.
 * @throws UserError (`usage`) if the source profile of the options has no long-term keys, or the MFA profile cannot be used
 */
export async function chooseProfile(
  questions: Questions,
  files: Files,
  { sources, arrangements }: Found,
  named: { profile?: string | undefined; sourceProfile?: string | undefined },
): Promise<Arrangement> {
  const { profile, sourceProfile } = named;
  if (sourceProfile !== undefined && !sources.some((one) => one.profile === sourceProfile)) {
    throw new UserError(texts.noSource(sourceProfile, sources), 'usage');
  }
  const wrong = profile === undefined ? undefined : nameProblem(profile, sources);
  if (wrong) throw new UserError(`--profile ${profile}: ${wrong}`, 'usage');

  if (profile === undefined && sourceProfile === undefined && arrangements.length > 0) {
    const chosen = await questions.choose({
      option: '--profile',
      message: texts.WHICH_PROFILE,
      choices: [
        ...arrangements.map((one) => ({
          value: one.profile,
          label: texts.arrangementLabel(one),
          hint: texts.arrangementHint(one),
        })),
        { value: ANOTHER, label: texts.ANOTHER_PROFILE },
      ],
      initial: arrangements[0]?.profile ?? ANOTHER,
    });
    const known = arrangements.find((one) => one.profile === chosen);
    if (known) return known;
  }

  const known = arrangements.find((one) => one.profile === profile);
  const source = sourceProfile ?? known?.sourceProfile ?? (await chooseSource(questions, sources));
  if (known?.sourceProfile === source) return known;
  const name =
    profile ??
    (await questions.text({
      option: '--profile',
      message: texts.WHICH_NAME,
      initial:
        arrangements.find((one) => one.sourceProfile === sourceProfile)?.profile ??
        freeName(files, source, { sources, arrangements }),
      problem: (text) => nameProblem(text.trim(), sources),
    }));
  return (
    arrangements.find((one) => one.profile === name && one.sourceProfile === source) ??
    newArrangement(files, source, name)
  );
}

async function chooseSource(questions: Questions, sources: Source[]): Promise<string> {
  const [only, ...others] = sources;
  if (only && others.length === 0) return only.profile;
  return questions.choose({
    option: '--source-profile',
    message: texts.WHICH_SOURCE,
    choices: sources.map((one) => ({ value: one.profile, label: texts.sourceLabel(one) })),
    initial: (sources.find(({ profile }) => profile === 'default') ?? only)?.profile ?? '',
  });
}

function nameProblem(name: string, sources: Source[]): string | undefined {
  if (!isWritableName(name)) return texts.UNWRITABLE;
  return sources.some(({ profile }) => profile === name) ? texts.holdsKeys(name) : undefined;
}
