import { error, type Finding, ok, warning } from './finding.ts';

/** A way to ask, with the reason why it cannot work, if so. */
export type WayReport = { name: string; unfit?: string };

/**
 * What there is to ask with, here.
 * @param prompt of the settings
 * @param inService the same where the service runs; none when that cannot be known
 */
export function askingFindings(
  profile: string,
  ways: readonly WayReport[],
  prompt: 'auto' | readonly string[],
  inService: readonly WayReport[],
): Finding[] {
  const fit = ways.filter(({ unfit }) => unfit === undefined).map(({ name }) => name);
  const unfit = ways.filter((way) => way.unfit !== undefined);
  const reasons = unfit.map(({ name, unfit }) => `${name} (${unfit})`).join('; ');
  const there = inService.filter((way) => way.unfit === undefined).map(({ name }) => name);
  return [waysFinding(profile, fit, there), unfitFinding(profile, reasons, prompt)];
}

export const INSTALL_A_WAY =
  'install zenity or pinentry, and a notification service such as dunst; or set prompt = browser';

function waysFinding(profile: string, fit: string[], there: string[]): Finding {
  const check = 'asking.ways';
  if (fit.length === 0 && there.length > 0) {
    return ok(
      check,
      `nothing here can ask for the code of [${profile}]; the service can, by ${there.join(', then ')}`,
      profile,
    );
  }
  if (fit.length === 0)
    return error(check, `nothing here can ask for the code of [${profile}]`, INSTALL_A_WAY, profile);
  if (fit.every((name) => name === 'terminal') && there.length === 0) {
    const found = `only the terminal can ask for the code of [${profile}]: an agent in the background cannot`;
    return warning(check, found, INSTALL_A_WAY, profile);
  }
  return ok(check, `here, [${profile}] can be asked for by ${fit.join(', then ')}`, profile);
}

function unfitFinding(profile: string, reasons: string, prompt: 'auto' | readonly string[]): Finding {
  const check = 'asking.unfit';
  if (reasons === '') return ok(check, 'every way that the settings name works here', profile);
  if (prompt === 'auto') return ok(check, `not here: ${reasons}`, profile);
  return warning(
    check,
    `named by prompt, and not here: ${reasons}`,
    'install that, or take it out of prompt in config.ini',
    profile,
  );
}
