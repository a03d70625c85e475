import { NO_DISPLAY } from '../ask/reasons.ts';
import { absent, error, type Finding, ok, warning } from './finding.ts';

/** A method of asking; `unfit` says why it cannot work. */
export type WayReport = { name: string; unfit?: string };

const INSTALL_A_WAY =
  process.platform === 'darwin'
    ? 'log in at the screen, or set prompt = browser in config.ini'
    : 'install gjs with GTK 4, zenity or pinentry, and a notification service such as dunst; or set prompt = browser in config.ini';

/** What is installed may be enough: it needs a display. */
const FIND_DISPLAY =
  'run this in a terminal of your desktop. Without a desktop, set prompt = browser in config.ini, or run aws-mfa-agent refresh in a terminal';

/** Returns what to do where none of these methods works. */
export function remedyFor(ways: readonly WayReport[]): string {
  return lacksDisplay(ways) ? FIND_DISPLAY : INSTALL_A_WAY;
}

function lacksDisplay(ways: readonly WayReport[]): boolean {
  return ways.some(({ unfit }) => unfit === NO_DISPLAY);
}

/**
 * Checks which methods of asking for the code of a profile work.
 * @param ways as they are in this process
 * @param prompt of the settings
 * @param inService as they are in the service; none if that is not known
 */
export function askingFindings(
  profile: string,
  ways: readonly WayReport[],
  prompt: 'auto' | readonly string[],
  inService: readonly WayReport[],
): Finding[] {
  return [waysFinding(profile, ways, fitOf(inService)), ...unfitFindings(profile, ways, prompt)];
}

/** Returns the names of the methods that work. */
export function fitOf(ways: readonly WayReport[]): string[] {
  return ways.filter(({ unfit }) => unfit === undefined).map(({ name }) => name);
}

function waysFinding(profile: string, ways: readonly WayReport[], inService: string[]): Finding {
  const check = 'asking.ways';
  const here = fitOf(ways);
  const display = lacksDisplay(ways) ? ': there is no display' : '';
  if (here.length === 0 && inService.length > 0) {
    const found = `nothing can ask for the code of [${profile}] in this shell; the service can use`;
    return ok(check, `${found} ${inService.join(', then ')}`, profile);
  }
  if (here.length === 0)
    return error(check, `nothing can ask for the code of [${profile}]${display}`, remedyFor(ways), profile);
  if (here.every((name) => name === 'terminal') && inService.length === 0) {
    const found = `only the terminal can ask for the code of [${profile}]${display}; an agent in the background has no terminal`;
    return warning(check, found, remedyFor(ways), profile);
  }
  return ok(check, `the code of [${profile}] can be asked for by ${here.join(', then ')}`, profile);
}

function unfitFindings(profile: string, ways: readonly WayReport[], prompt: 'auto' | readonly string[]): Finding[] {
  const check = 'asking.unfit';
  const unfit = ways.filter((way) => way.unfit !== undefined);
  if (unfit.length === 0) return [ok(check, 'every method of asking in the settings works here', profile)];
  return unfit.map(({ name, unfit }) =>
    prompt === 'auto'
      ? absent(check, `${name}: ${unfit}`, profile)
      : warning(
          check,
          `prompt lists ${name}, which does not work here: ${unfit}`,
          `make ${name} work, or remove it from prompt in config.ini`,
          profile,
        ),
  );
}
