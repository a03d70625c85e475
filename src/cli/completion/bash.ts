import {
  type CompletedCommand,
  type CompletedOption,
  type CompletedProgram,
  type Values,
  withValues,
} from './program.ts';

/** Returns the parts of `completions/aws-mfa-agent.bash`: `case` branches by `COMMAND:OPTION` and `COMMAND:POSITION`. */
export function bashParts(program: CompletedProgram): Record<string, string> {
  const { options, commands } = program;
  const ofAll = longNames(options);
  const values = [{ name: '*', options }, ...commands].flatMap((command) =>
    command.options.flatMap((option) => optionCase(command.name, option)),
  );
  return {
    COMMANDS: commands.map(({ name }) => name).join(' '),
    OPTIONS_WITH_VALUES: withValues(program).join(' | '),
    OPTION_VALUES: lines(values),
    OPTIONS: lines([
      ...commands.flatMap((command) => optionsCase(command, ofAll)),
      `*) _aws_mfa_agent_offer ${ofAll.join(' ')} ;;`,
    ]),
    ARGUMENTS: lines(commands.flatMap(argumentCases)),
  };
}

function lines(cases: string[]): string {
  return cases.map((one) => `      ${one}`).join('\n');
}

function longNames(options: CompletedOption[]): string[] {
  return options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')));
}

function optionCase(command: string, { names, values }: CompletedOption): string[] {
  const offer = values && offering(values);
  return offer ? names.map((name) => `${command}:${name}) ${offer} ;;`) : [];
}

function optionsCase({ name, options, arguments: places }: CompletedCommand, ofAll: string[]): string[] {
  const dashes = places.some(({ values }) => values.kind === 'command') ? ['--'] : [];
  const words = [...longNames(options), ...dashes];
  return words.length === 0 ? [] : [`${name}) _aws_mfa_agent_offer ${[...words, ...ofAll].join(' ')} ;;`];
}

function argumentCases({ name, arguments: places }: CompletedCommand): string[] {
  const dashes = places.some(({ values }) => values.kind === 'command') ? '; _aws_mfa_agent_offer --' : '';
  return places.flatMap(({ values, variadic }, index) => {
    const offer = offering(values);
    return offer ? [`${name}:${variadic ? '*' : index}) ${offer}${values.kind === 'command' ? '' : dashes} ;;`] : [];
  });
}

function offering(values: Values): string | undefined {
  switch (values.kind) {
    case 'words':
      return `_aws_mfa_agent_offer ${values.words.join(' ')}`;
    case 'profiles':
      return '_aws_mfa_agent_profiles';
    case 'source-profiles':
      return '_aws_mfa_agent_profiles --source';
    case 'files':
      return '_aws_mfa_agent_files';
    case 'command':
      return '_aws_mfa_agent_offer --';
    case 'anything':
      return undefined;
  }
}
