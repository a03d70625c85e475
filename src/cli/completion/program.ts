import type { Argument, Command, Option } from 'commander';

/** What can stand in a place of the command line. */
export type Values =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'profiles' }
  | { kind: 'source-profiles' }
  | { kind: 'files' }
  /** A program of the person's, with its own arguments, after two dashes. */
  | { kind: 'command' }
  | { kind: 'anything' };

export interface CompletedOption {
  /** `--config`, and `-h` where there is one. */
  names: string[];
  description: string;
  /** Undefined for an option without a value. */
  values: Values | undefined;
}

export interface CompletedCommand {
  name: string;
  description: string;
  /** Without those that every command takes. */
  options: CompletedOption[];
  arguments: { name: string; values: Values; variadic: boolean }[];
}

export interface CompletedProgram {
  name: string;
  /** Those that every command takes. */
  options: CompletedOption[];
  commands: CompletedCommand[];
}

/** What a shell needs to know to complete our command lines; the same that `--help` shows. */
export function completedProgram(program: Command): CompletedProgram {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  return {
    name: program.name(),
    options: help.visibleOptions(program).map(completedOption),
    commands: commands.map((command) => ({
      name: command.name(),
      description: command.description(),
      options: help
        .visibleOptions(command)
        .filter((option) => option.long !== '--help')
        .map(completedOption),
      arguments: command.registeredArguments.map((argument) => ({
        name: argument.name(),
        variadic: argument.variadic,
        values: command.name() === 'help' ? { kind: 'words', words: names } : valuesOf(argument, argument.name()),
      })),
    })),
  };
}

function completedOption(option: Option): CompletedOption {
  const { short, long, description, required, optional, flags } = option;
  const placeholder = /[<[]([\w-]+)/.exec(flags)?.[1] ?? '';
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    values:
      long === '--source-profile'
        ? { kind: 'source-profiles' }
        : required || optional
          ? valuesOf(option, placeholder)
          : undefined,
  };
}

/** By what `--help` calls it. */
function valuesOf({ argChoices }: Argument | Option, placeholder: string): Values {
  if (argChoices) return { kind: 'words', words: argChoices };
  switch (placeholder) {
    case 'profile':
      return { kind: 'profiles' };
    case 'file':
      return { kind: 'files' };
    case 'command':
      return { kind: 'command' };
    default:
      return { kind: 'anything' };
  }
}

/** The options that take a value as patterns of `COMMAND:OPTION`. */
export function withValues({ options, commands }: CompletedProgram): string[] {
  return [{ name: '*', options }, ...commands].flatMap((command) =>
    command.options
      .filter(({ values }) => values)
      .flatMap(({ names }) => names.map((name) => `${command.name}:${name}`)),
  );
}
