/** Why a way of asking cannot work now, or failed. The log, `status` and `doctor` show these after the way's name. */

export const NOT_INSTALLED = 'not installed';
export const NOT_ON_THIS_SYSTEM = 'not available on this system';
export const NO_DISPLAY = 'no display: neither DISPLAY nor WAYLAND_DISPLAY is set';
export const NO_WINDOW = 'cannot open a window here';
export const NO_WINDOW_NOR_TERMINAL = 'cannot open a window here, and there is no terminal';
export const NO_GJS = 'gjs is not installed';
export const NO_GTK = 'GTK 4 is not installed for gjs (on Debian: gir1.2-gtk-4.0)';
export const NO_TERMINAL_EMULATOR = 'neither xdg-terminal-exec nor x-terminal-emulator is installed';
export const NO_TERMINAL = 'not run in a terminal';
export const IN_BACKGROUND = 'running in the background';
export const NO_ANSWER = 'ended without an answer';

export const NO_COMMAND = 'no mfa_process is set';
export const NO_CODE_PRINTED = 'printed no six-digit code';

export const NO_SERVICE = 'no notification service is running';
export const NO_BUTTONS = 'the notification service has no buttons';
export const SERVICE_GONE = 'the notification service stopped';
export const SERVICE_CRASHES = 'the notification service keeps crashing';

/** Returns the remedy where no way works, in a few words: `doctor` lists the ways and their reasons. */
export function summaryOf(failed: readonly { name: string; reason: string }[]): string {
  const [first] = failed;
  const has = (...reasons: string[]) => failed.some(({ reason }) => reasons.includes(reason));
  const what = has(NO_DISPLAY)
    ? 'no display'
    : process.platform !== 'darwin' && has(NOT_INSTALLED, NO_GJS, NO_GTK)
      ? 'install gjs or zenity'
      : first && `${first.name}: ${first.reason}`;
  return [...(what === undefined ? [] : [what]), 'run `aws-mfa-agent doctor`'].join('; ');
}

/** @param limit in milliseconds */
export function windowLate(limit: number): string {
  return `the window did not open within ${limit / 1000} s`;
}

/** @param reasons one for each field, with its name */
export function noField(reasons: readonly string[]): string {
  return `no code field can be opened: ${reasons.join(', ')}`;
}

export const NO_XDG_OPEN = 'xdg-open is not installed';

export function noPage(detail: string): string {
  return `cannot serve the page: ${detail}`;
}

export function notStarted(program: string, detail: string): string {
  return `cannot start ${program}: ${detail}`;
}

/** @param how the exit status, or the name of the signal */
export function endedWith(program: string, how: number | string | null): string {
  return `${program} ended with ${typeof how === 'string' ? how : `exit status ${how}`}`;
}
