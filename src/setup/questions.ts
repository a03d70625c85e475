import { UserError } from '../errors.ts';
import * as texts from './texts.ts';

/** Something that a person is asked, unless an option has said it. */
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

/** How the questions of a command are answered: by a person at the terminal, by their defaults, or not at all. */
export interface Questions {
  /** Whether there is a person who can be asked. */
  person: boolean;
  /** @param initial the default, one of the choices */
  choose(question: Question & { choices: Choice[]; initial: string }): Promise<string>;
  /**
   * @param initial the default; without it, only a person can answer
   * @param guess stands there to be edited where there is no default
   * @param problem what is wrong with an answer, to follow its name; undefined when nothing is
   */
  text(
    question: Question & { initial?: string; guess?: string; problem(text: string): string | undefined },
  ): Promise<string>;
  /** The default is yes. */
  confirm(question: Question): Promise<boolean>;
  /** One line, to standard error. */
  say(line: string): void;
  /** The last line. */
  end(line: string): void;
}

/**
 * @param defaults whether `--yes` takes the defaults
 * @throws UserError from each question that nobody answers (status 2), or that Ctrl-C ends
 */
export async function questionsOf(defaults: boolean): Promise<Questions> {
  const person = process.stdin.isTTY && process.stderr.isTTY;
  const plain = (line: string) => void process.stderr.write(`${line}\n`);
  if (defaults || !person) {
    const answered = <Value>({ option, message }: Question, value: Value | undefined, shown: string): Value => {
      if (!defaults) throw new UserError(texts.noTerminal(option), 'usage');
      if (value === undefined) throw new UserError(texts.noDefault(message, option), 'usage');
      plain(`${message} ${shown}`);
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
      confirm: async (question) => answered(question, true, 'yes'),
      say: plain,
      end: plain,
    };
  }

  // Loaded here: who has answered by options needs no prompts.
  const prompts = await import('@clack/prompts');
  const output = process.stderr;
  // A terminal that does not know its size (a serial line, some containers) says zero, and would get a letter a line.
  output.columns ||= 80;
  output.rows ||= 24;
  const given = <Value>(answer: Value | typeof prompts.CANCEL_SYMBOL): Value => {
    if (prompts.isCancel(answer)) throw new UserError(texts.GIVEN_UP);
    return answer;
  };
  prompts.intro(texts.TITLE, { output });
  return {
    person,
    choose: async ({ message, choices, initial }) =>
      given(
        await prompts.select({ message, options: choices, initialValue: initial, showInstructions: false, output }),
      ),
    text: async ({ message, initial, guess, problem }) => {
      const standing =
        initial === undefined ? { initialValue: guess ?? '' } : { placeholder: initial, defaultValue: initial };
      const validate = (text: string | undefined) => problem(text || (initial ?? ''));
      return given(await prompts.text({ message, validate, output, ...standing })).trim();
    },
    confirm: async ({ message }) => given(await prompts.confirm({ message, output })),
    say: (line) => prompts.log.message(line, { output, spacing: 0 }),
    end: (line) => prompts.outro(line, { output }),
  };
}
