import { childEnvironment, runCommand } from '../run-command.ts';

/** The texts are arguments, so none of them is read as AppleScript. */
const SCRIPT = `on run {theTitle, theText}
  display notification theText with title theTitle
end run`;

/** In milliseconds. */
const TIMEOUT = 5_000;

/**
 * Shows a notification that needs no answer, as one of Script Editor. macOS does not say whether it is really shown. Never tried
 * on a Mac.
 * @returns whether macOS accepted it
 */
export async function macosNotice(title: string, text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const words = ['osascript', '-e', SCRIPT, title, text];
  return (await runCommand(words, { timeout: TIMEOUT, environment: childEnvironment(environment) })).ok;
}

/** The same as an announcement: macOS can neither replace nor close it, so only the first text is shown, and the last. */
export function macosAnnouncement(title: string, environment: NodeJS.ProcessEnv) {
  let isOver = false;
  let said: string | undefined;
  const show = (text: string) => macosNotice(title, text, environment);
  return {
    say(text: string) {
      if (isOver || said !== undefined) return;
      said = text;
      void show(text);
    },
    async leave(text: string) {
      if (!isOver && text !== said) await show(text);
      isOver = true;
    },
    close() {
      isOver = true;
    },
  };
}
