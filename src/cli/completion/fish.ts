import {
  type CompletedCommand,
  type CompletedOption,
  type CompletedProgram,
  type Values,
  withValues,
} from './program.ts';

/**
 * Returns the parts of `completions/aws-mfa-agent.fish`: calls of `complete`.
 * @see https://fishshell.com/docs/current/cmds/complete.html
 */
export function fishParts(program: CompletedProgram): Record<string, string> {
  const { options, commands } = program;
  return {
    OPTIONS_WITH_VALUES: withValues(program).map(quoted).join(' '),
    COMPLETIONS: [
      ...options.map((option) => complete('not __aws_mfa_agent_runs', optionOf(option))),
      ...commands.map(({ name, description }) =>
        complete("__aws_mfa_agent_is ''", `-a ${quoted(name)} -d ${quoted(description)}`),
      ),
      ...commands.flatMap(ofCommand),
    ].join('\n'),
  };
}

function ofCommand({ name, options, arguments: places }: CompletedCommand): string[] {
  const at = places.flatMap(({ values, variadic }, index) => {
    const condition = `__aws_mfa_agent_is ${name}${variadic ? '' : ` ${index}`}`;
    const offer = offering(values);
    return offer ? [complete(condition, offer)] : [];
  });
  return [...options.map((option) => complete(`__aws_mfa_agent_is ${name}`, optionOf(option))), ...at];
}

function complete(condition: string, what: string): string {
  return `complete -c aws-mfa-agent -n ${quoted(condition)} ${what}`;
}

function optionOf({ names, description, values }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...flags, ...(values ? [needed(values)] : []), `-d ${quoted(description)}`].join(' ');
}

/** Returns the flags of an option that takes a value. Only `-F` offers files. */
function needed(values: Values): string {
  return values.kind === 'files' ? '-r -F' : ['-x', offering(values) ?? ''].join(' ').trim();
}

function offering(values: Values): string | undefined {
  switch (values.kind) {
    case 'words':
      return `-a ${quoted(values.words.join(' '))}`;
    case 'profiles':
      return "-a '(__aws_mfa_agent_profiles)'";
    case 'source-profiles':
      return "-a '(__aws_mfa_agent_profiles --source)'";
    case 'command':
      return "-a '--'";
    case 'files':
      return '-F';
    case 'anything':
      return undefined;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
