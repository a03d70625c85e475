import { Argument, Command, Option } from 'commander';
import { UserError } from '../errors.ts';
import { packageVersion } from '../package-file.ts';
import { SHELL_NAMES } from '../session/shells.ts';
import { COMPLETED_SHELLS, type CompletedShell, KEY_ACTIONS, type KeyAction } from './options.ts';

/**
 * Defines the commands and their options. `--help`, the shell completion and the man page are made from this. Each action
 * imports its command, so that no command loads another.
 */
export function createProgram(): Command {
  const program = new Command('aws-mfa-agent')
    .description(
      'Keep MFA-protected AWS profiles fresh: watch when the session expires, ask for the MFA code before that, and update the profile.',
    )
    .version(packageVersion())
    .option('--config <file>', 'use this settings file (default: ~/.config/aws-mfa-agent/config.ini)')
    .option('--debug', 'log more, and show stack traces')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });

  program
    .command('run')
    .description('run the agent in the foreground (the service starts this)')
    .action(async () => (await import('../commands/run.ts')).run(program.opts()));

  program
    .command('status')
    .description('show every profile of the settings with its state and the time left, with or without a running agent')
    .argument('[profile...]', 'show only these profiles')
    .option('--json', 'print JSON')
    .option('--watch', 'keep running and show changes; with --json, print one line per change')
    .addOption(profileOption())
    .action(async (profiles: string[], { profile, ...options }) =>
      (await import('../commands/status.ts')).status(profile === undefined ? profiles : [...profiles, profile], {
        ...program.opts(),
        ...options,
      }),
    );

  program
    .command('refresh')
    .description('get a new session now; ask for the code in the terminal unless --token-code is given')
    .argument('[profile]', 'use this profile; required if several are configured')
    .option('--token-code <code>', 'use this code of the MFA device; "-" reads it from standard input')
    .option('--serial-number <serial>', 'use the MFA device with this ARN or hardware serial number')
    .option('--source-profile <profile>', 'use the long-term keys of this profile')
    .option('--duration-seconds <seconds>', 'set the session length in seconds: 900 to 129600')
    .option('--force', 'refresh even if the session is still fresh')
    .addOption(profileOption())
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/refresh.ts')).refreshCommand(named(profile, options), {
        ...program.opts(),
        ...options,
      }),
    );

  program
    .command('env')
    .description('print shell commands that set the session variables; use: eval "$(aws-mfa-agent env)"')
    .argument('[profile]', 'use this profile; required if several are configured')
    .addOption(
      new Option('--shell <shell>', 'print commands for this shell (default: the calling shell)')
        .choices(SHELL_NAMES)
        // `env` accepts further names of these shells.
        .argParser((shell: string) => shell),
    )
    .option('--unset', 'print commands that unset the variables')
    .addOption(
      new Option('--json', 'print JSON in the form of "aws sts get-session-token"').conflicts(['shell', 'unset']),
    )
    .addOption(profileOption())
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/env.ts')).env(named(profile, options), { ...program.opts(), ...options }),
    );

  program
    .command('exec')
    .description('run a command with the session in its environment, after a refresh if needed')
    .usage('[options] [profile] -- <command...>')
    .argument('[profile]', 'use this profile; required if several are configured')
    .argument('[command...]', 'run this command')
    .option('--server', 'give the command a server of sessions instead of keys, for programs that outlive the session')
    .option('--token-file', "give the command the server's token in a file instead of a variable")
    .option('--min <duration>', 'refresh first if less of the session is left (for example 2h)')
    .addOption(profileOption())
    .action(async (profile: string | undefined, words: string[], options) => {
      // commander removes the dashes: everything after them is the command.
      const dashes = process.argv.indexOf('--');
      const command = dashes < 0 ? [] : process.argv.slice(dashes + 1);
      const all = profile === undefined ? [] : [profile, ...words];
      const names = all.slice(0, all.length - command.length);
      return (await import('../commands/exec.ts')).exec(
        options.profile === undefined ? names : [options.profile, ...names],
        command,
        { ...program.opts(), ...options },
      );
    });

  program
    .command('credential-process')
    .description('print the session as JSON, for credential_process in ~/.aws/config')
    .argument('[profile]', 'use this profile; required if several are configured')
    .option('--timeout <duration>', 'wait this long for a code when the session has ended (default: 50s)')
    .addOption(profileOption())
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/credential-process.ts')).credentialProcess(named(profile, options), {
        ...program.opts(),
        ...options,
      }),
    );

  program
    .command('console')
    .description('sign the browser in to the AWS console with the session of a role profile')
    .argument('[profile]', 'use this role profile; required if several are configured')
    .option('--print', 'print the address instead; it is a secret, and valid for 15 minutes')
    .option(
      '--service <service>',
      'open the page of this service, named as in the address of the page (for example ec2)',
    )
    .option('--region <region>', 'open the page in this region (default: the region of the profile in ~/.aws/config)')
    .option(
      '--browser <command-line>',
      'open with this command; %s is replaced by the address (without %s, it is added at the end)',
    )
    .addOption(profileOption())
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/console.ts')).consoleCommand(named(profile, options), {
        ...program.opts(),
        ...options,
      }),
    );

  program
    .command('keys')
    .description('list long-term keys, move them to the keychain and back, or rotate them')
    .addArgument(
      new Argument(
        '<action>',
        'do this with the keys: list them with age and last use, store them in the keychain, restore them to the file, or rotate them (make a new key)',
      ).choices(KEY_ACTIONS),
    )
    .argument('[source-profile]', 'use the long-term keys of this profile; required if there are several')
    .option('--keep-file', 'leave the keys in the credentials file, too (store)')
    .option('--force', 'replace other keys that are already there (store, restore)')
    .option('-y, --yes', 'do not ask before the keys are removed from the credentials file (store)')
    .addOption(new Option('--delete', 'delete the old key now, not after the next refresh (rotate)').conflicts('keep'))
    .option('--keep', 'keep the old key, inactive (rotate)')
    .addOption(profileOption())
    .action(async (action: KeyAction, source: string | undefined, options) =>
      (await import('../commands/keys.ts')).keysCommand(action, named(source, options), {
        ...program.opts(),
        ...options,
      }),
    );

  program
    .command('snooze')
    .description('do not ask for this long')
    .argument('<duration>', 'set how long: 30m, 2h, 1d (1s to 7d); "off" ends a snooze')
    .argument('[profile]', 'snooze only this profile')
    .addOption(profileOption())
    .action(async (duration: string, profile: string | undefined, options) =>
      (await import('../commands/snooze.ts')).snooze(duration, named(profile, options), program.opts()),
    );

  program
    .command('forget')
    .description('remove the session from the profile, and the sessions of roles that were made from it')
    .argument('[profile]', 'use this MFA profile or role profile; required if several are configured')
    .addOption(profileOption())
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/forget.ts')).forget(named(profile, options), program.opts()),
    );

  program
    .command('setup')
    .description('ask a few questions, write config.ini, get a first session, and offer to install the service')
    .option('--profile <profile>', 'keep this MFA profile fresh')
    .option('--source-profile <profile>', 'use the long-term keys of this profile')
    .option('--serial-number <serial>', 'use the MFA device with this ARN or hardware serial number')
    .option('--duration-seconds <seconds>', 'set the session length in seconds: 900 to 129600')
    .option('--prompt-before <duration>', 'ask for the code this long before the session ends (for example 25m)')
    .option('--token-code <code>', 'use this code of the MFA device; "-" reads it from standard input')
    .option(
      '--roles <profiles>',
      'keep these roles of ~/.aws/config fresh, too: names separated by commas, "all" or "none"',
    )
    .addOption(
      new Option('--keys <place>', 'keep the long-term keys in the credentials file or in the keychain').choices([
        'file',
        'keychain',
      ]),
    )
    .option('--set-region', 'give the profile the region of its source in ~/.aws/config')
    .option('--no-refresh', 'do not get a first session')
    .option('--install', 'install the service without asking')
    .option('--no-install', 'do not install the service')
    .option('-y, --yes', 'use the default answer for every question')
    .action(async (options) => (await import('../commands/setup.ts')).setupCommand({ ...program.opts(), ...options }));

  program
    .command('install')
    .description('start the agent now and at each login, as a systemd user service or a LaunchAgent')
    .option('--print', 'print the service file, write nothing')
    .option('--force', 'overwrite the service file even if it was edited')
    .action(async (options) =>
      (await import('../commands/install.ts')).installCommand({ ...program.opts(), ...options }),
    );

  program
    .command('uninstall')
    .description('remove the service; keep credentials and settings')
    .option('--force', 'remove the service file even if it was edited')
    .action(async (options) => (await import('../commands/install.ts')).uninstallCommand(options));

  program
    .command('completion')
    .description('print the completion script for a shell: commands, options, profiles')
    .addArgument(new Argument('<shell>', 'print the script for this shell').choices(COMPLETED_SHELLS))
    .action(async (shell: CompletedShell) => (await import('./completion/completion.ts')).completion(shell, program));

  // For the completion scripts, not for users.
  program
    .command('profile-names', { hidden: true })
    .option('--source')
    .action(async (options) =>
      (await import('../commands/profile-names.ts')).profileNames({ ...program.opts(), ...options }),
    );

  program
    .command('doctor')
    .description('find problems and explain how to fix them')
    .option('--json', 'print JSON')
    .option('--try', 'show a test notification, too, and wait 30 s for a click (asks for no code)')
    .action(async (options) => (await import('../commands/doctor.ts')).doctor({ ...program.opts(), ...options }));

  program
    .command('demo')
    .description('show the agent at work with a simulated STS on this machine: no AWS account, no network')
    .option('--auto', 'enter the codes automatically; exit 1 if a step fails')
    .addOption(new Option('--desktop', 'ask on the desktop, with a notification and a window').conflicts('auto'))
    .action(async (options) => (await import('../commands/demo.ts')).demo(options));
  return program;
}

/** The spelling of the AWS CLI for the argument. */
function profileOption(): Option {
  return new Option('--profile <profile>', 'name the profile with this option instead of the argument');
}

function named(argument: string | undefined, { profile }: { profile?: string }): string | undefined {
  if (argument !== undefined && profile !== undefined && argument !== profile) {
    throw new UserError(`${argument} and --profile ${profile}: name one profile`, 'usage');
  }
  return profile ?? argument;
}
