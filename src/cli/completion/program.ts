import type { Argument, Command, Option } from 'commander';

/** The possible values of an argument or option. */
export type Values =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'profiles' }
  | { kind: 'source-profiles' }
  | { kind: 'files' }
  /** Another program with its own arguments, after two dashes. */
  | { kind: 'command' }
  | { kind: 'anything' };

export interface CompletedOption {
  /** The long name (`--config`), and the short one if there is one. */
  names: string[];
  description: string;
  /** Undefined if the option takes no value. */
  values: Values | undefined;
}

export interface CompletedCommand {
  name: string;
  description: string;
  /** Without the global options. */
  options: CompletedOption[];
  arguments: { name: string; values: Values; variadic: boolean }[];
}

export interface CompletedProgram {
  name: string;
  /** The global options, which every command takes. */
  options: CompletedOption[];
  commands: CompletedCommand[];
}

/** Returns what a shell needs to complete our command lines: the same as `--help` shows. */
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

/** Returns the possible values by their placeholder in `--help`. */
function valuesOf({ argChoices }: Argument | Option, placeholder: string): Values {
  if (argChoices) return { kind: 'words', words: argChoices };
  switch (placeholder) {
    case 'profile':
      return { kind: 'profiles' };
    case 'source-profile':
      return { kind: 'source-profiles' };
    case 'file':
      return { kind: 'files' };
    case 'command':
      return { kind: 'command' };
    default:
      return { kind: 'anything' };
  }
}

/** Returns the options that take a value, as shell patterns `COMMAND:OPTION`. */
export function withValues({ options, commands }: CompletedProgram): string[] {
  return [{ name: '*', options }, ...commands].flatMap((command) =>
    command.options
      .filter(({ values }) => values)
      .flatMap(({ names }) => names.map((name) => `${command.name}:${name}`)),
  );
}
