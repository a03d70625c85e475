import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { CANCELLED } from '../keys/texts.ts';
import { plain } from '../plain.ts';
import * as texts from './texts.ts';

/** A question to the user. An option can answer it in advance. */
interface Question {
  /** The option that answers it: `--prompt-before`. */
  option: string;
  message: string;
}

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** How questions are answered: by the user at the terminal, by their defaults, or not at all. */
export interface Questions {
  /** Whether there is a terminal with a user who can be asked. */
  person: boolean;
  /** @param initial the default, one of the choices */
  choose(question: Question & { choices: Choice[]; initial: string }): Promise<string>;
  /**
   * @param initial the default; without it, only the user can answer
   * @param guess a text to edit if there is no default
   * @param problem returns what is wrong with an answer, undefined if nothing is
   */
  text(
    question: Question & { initial?: string; guess?: string; problem(text: string): string | undefined },
  ): Promise<string>;
  /** Asks for a text without showing what is typed. Only the user can answer. @param problem see {@link text} */
  secret(question: Question & { problem(text: string): string | undefined }): Promise<string>;
  /** Asks a yes-or-no question. The default is yes. */
  confirm(question: Question): Promise<boolean>;
  /** Prints a line to standard error. */
  say(line: string): void;
  /** Prints the last line. */
  end(line: string): void;
}

/**
 * Returns how to ask in this process. The questions throw UserError: `usage` if there is neither a terminal nor a default,
 * `failed` if the user presses Ctrl-C.
 * @param defaults whether to use the defaults instead of asking
 * @param title printed first, if the user is asked
 */
export async function questionsOf(defaults: boolean, title = texts.TITLE): Promise<Questions> {
  const person = process.stdin.isTTY && process.stderr.isTTY;
  const print = (line: string) => say(line);
  if (defaults || !person) {
    const answered = <Value>({ option, message }: Question, value: Value | undefined, shown: string): Value => {
      if (!defaults) throw new UserError(texts.noTerminal(option), 'usage');
      if (value === undefined) throw new UserError(texts.noDefault(message, option), 'usage');
      print(`${message} ${shown}`);
      return value;
    };
    return {
      person,
      choose: async (question) => answered(question, question.initial, question.initial),
      text: async (question) => {
        const problem = question.initial === undefined ? undefined : question.problem(question.initial);
        if (problem) throw new UserError(`${question.option} ${question.initial}: ${problem}`, 'usage');
        return answered(question, question.initial, question.initial ?? '');
      },
      secret: async (question) => answered<string>(question, undefined, ''),
      confirm: async (question) => answered(question, true, 'yes'),
      say: print,
      end: print,
    };
  }

  // Loaded only when something is asked.
  const prompts = await import('@clack/prompts');
  const output = process.stderr;
  // Some terminals (serial lines, containers) report a width of zero; the prompts would print one letter per line.
  output.columns ||= 80;
  output.rows ||= 24;
  const given = <Value>(answer: Value | typeof prompts.CANCEL_SYMBOL): Value => {
    if (prompts.isCancel(answer)) throw new UserError(CANCELLED);
    return answer;
  };
  prompts.intro(title, { output });
  return {
    person,
    choose: async ({ message, choices, initial }) => {
      const options = choices.map((choice) => ({ ...choice, label: plain(choice.label) }));
      return given(await prompts.select({ message, options, initialValue: initial, showInstructions: false, output }));
    },
    text: async ({ message, initial, guess, problem }) => {
      const standing =
        initial === undefined ? { initialValue: guess ?? '' } : { placeholder: initial, defaultValue: initial };
      const validate = (text: string | undefined) => {
        const found = problem(text || (initial ?? ''));
        return found && plain(found);
      };
      return given(await prompts.text({ message, validate, output, ...standing })).trim();
    },
    secret: async ({ message, problem }) => {
      const validate = (text: string | undefined) => problem((text ?? '').trim());
      return given(await prompts.password({ message, mask: '', validate, output })).trim();
    },
    confirm: async ({ message }) => given(await prompts.confirm({ message, output })),
    say: (line) => prompts.log.message(plain(line), { output, spacing: 0 }),
    end: (line) => prompts.outro(plain(line), { output }),
  };
}
