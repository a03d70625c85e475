import type { CompletedCommand, CompletedOption, CompletedProgram, Values } from './program.ts';

/**
 * Returns the parts of `completions/aws-mfa-agent.zsh`: specifications for `_describe` and `_arguments`.
 * @see https://zsh.sourceforge.io/Doc/Release/Completion-System.html#Completion-Functions
 */
export function zshParts({ options, commands }: CompletedProgram): Record<string, string> {
  return {
    COMMANDS: commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join('\n'),
    OPTIONS: options.map((option) => `    ${optionOf(option)}`).join('\n'),
    ARGUMENTS: commands.map((command) => `        ${command.name}) ${argumentsOf(command)} && ret=0 ;;`).join('\n'),
  };
}

function argumentsOf({ options, arguments: places }: CompletedCommand): string {
  const dashes = places.some(({ values }) => values.kind === 'command');
  const specifications = [
    ...options.map(optionOf),
    ...places
      .filter(() => !dashes)
      .map(({ name, values, variadic }, index) =>
        quoted(`${variadic ? '*' : index + 1}:${escaped(name)}:${actionOf(values)}`),
      ),
  ];
  return [dashes ? '_aws_mfa_agent_exec' : '_arguments', '$common', ...specifications].join(' ');
}

function optionOf({ names, description, values }: CompletedOption): string {
  const shown = `[${escaped(description)}]`;
  if (values) {
    return names.map((name) => quoted(`${name}=${shown}:${name.replace(/^-+/, '')}:${actionOf(values)}`)).join(' ');
  }
  if (names.length === 1) return quoted(`${names[0]}${shown}`);
  return names.map((name) => quoted(`(${names.join(' ')})${name}${shown}`)).join(' ');
}

function actionOf(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `(${values.words.join(' ')})`;
    case 'profiles':
      return '_aws_mfa_agent_profiles';
    case 'source-profiles':
      return '_aws_mfa_agent_source_profiles';
    case 'files':
      return '_files';
    case 'command':
    case 'anything':
      return '';
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
