import { Argument, Command, Option } from 'commander';
import { packageVersion } from '../package-file.ts';
import { SHELL_NAMES } from '../session/shells.ts';
import { COMPLETED_SHELLS, type CompletedShell } from './options.ts';

/**
 * The commands and their options: what `--help`, the shell completion and the man page are made from. Each action imports
 * its command, so that none pays for what another loads.
 */
export function createProgram(): Command {
  const program = new Command('aws-mfa-agent')
    .description(
      'Keeps MFA-protected AWS profiles fresh: watches the expiry, asks for the code in time, rewrites the profile.',
    )
    .version(packageVersion())
    .option('--config <file>', 'the settings file (default: ~/.config/aws-mfa-agent/config.ini)')
    .option('--debug', 'log more, and show stack traces')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });

  program
    .command('run')
    .description('the agent, in the foreground: what the service starts')
    .action(async () => (await import('../commands/run.ts')).run(program.opts()));

  program
    .command('status')
    .description('every MFA profile with its state and the time left; works with or without a running agent')
    .argument('[profile...]', 'these profiles only')
    .option('--json', 'as JSON')
    .option('--watch', 'goes on, and shows what changes; with --json, a line for each change')
    .action(async (profiles: string[], options) =>
      (await import('../commands/status.ts')).status(profiles, { ...program.opts(), ...options }),
    );

  program
    .command('refresh')
    .description('one refresh now; asks on the terminal unless given a code')
    .argument('[profile]', 'the MFA profile; needed when several are configured')
    .option('--token-code <code>', "the device's current code; - reads it from standard input")
    .option('--serial-number <serial>', "the MFA device's ARN or hardware serial number")
    .option('--source-profile <profile>', 'the profile that holds the long-term credentials')
    .option('--duration-seconds <seconds>', 'how long the session shall last: 900 to 129600')
    .option('--force', 'also when the session is not due')
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/refresh.ts')).refreshCommand(profile, { ...program.opts(), ...options }),
    );

  program
    .command('env')
    .description('prints the lines that set the variables of the session in your shell: eval "$(aws-mfa-agent env)"')
    .argument('[profile]', 'the MFA profile; needed when several are configured')
    .addOption(
      new Option('--shell <shell>', 'the shell that is to read them (default: the one that it is called from)')
        .choices(SHELL_NAMES)
        // Shells have more names than these, and `env` knows them.
        .argParser((shell: string) => shell),
    )
    .option('--unset', 'the lines that take the variables out again')
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/env.ts')).env(profile, { ...program.opts(), ...options }),
    );

  program
    .command('exec')
    .description('runs a command with the variables of the session, after a refresh if it is due')
    .usage('[options] [profile] -- <command...>')
    .argument('[profile]', 'the MFA profile; needed when several are configured')
    .argument('[command...]', 'what to run')
    .action(async (profile: string | undefined, words: string[]) => {
      // commander takes the dashes out: all that was behind them is the command.
      const dashes = process.argv.indexOf('--');
      const command = dashes < 0 ? [] : process.argv.slice(dashes + 1);
      const all = profile === undefined ? [] : [profile, ...words];
      return (await import('../commands/exec.ts')).exec(
        all.slice(0, all.length - command.length),
        command,
        program.opts(),
      );
    });

  program
    .command('credential-process')
    .description('the session as JSON, for credential_process in ~/.aws/config')
    .argument('[profile]', 'the MFA profile; needed when several are configured')
    .option('--timeout <duration>', 'how long to wait for a code when the session has ended (default: 50s)')
    .action(async (profile: string | undefined, options) =>
      (await import('../commands/credential-process.ts')).credentialProcess(profile, { ...program.opts(), ...options }),
    );

  program
    .command('snooze')
    .description('no asking for that long')
    .argument('<duration>', '30m, 2h, 1d')
    .argument('[profile]', 'for this profile only')
    .action(async (duration: string, profile: string | undefined) =>
      (await import('../commands/snooze.ts')).snooze(duration, profile, program.opts()),
    );

  program
    .command('setup')
    .description('asks a few questions, writes config.ini, gets a first session, and offers to install the service')
    .option('--profile <profile>', 'the MFA profile to keep fresh')
    .option('--source-profile <profile>', 'the profile that holds the long-term credentials')
    .option('--serial-number <serial>', "the MFA device's ARN or hardware serial number")
    .option('--duration-seconds <seconds>', 'how long a session shall last: 900 to 129600')
    .option('--prompt-before <duration>', 'how long before its end to ask for the code: 15m')
    .option('--token-code <code>', "the device's current code; - reads it from standard input")
    .option('--no-refresh', 'no first session')
    .option('--install', 'install the service, without a question')
    .option('--no-install', 'do not install the service')
    .option('-y, --yes', 'the default answer to every question')
    .action(async (options) => (await import('../commands/setup.ts')).setupCommand({ ...program.opts(), ...options }));

  program
    .command('install')
    .description('starts the agent with your session, and now: as a systemd user service or a LaunchAgent')
    .option('--print', 'only shows the file that it would write')
    .option('--force', 'writes it anew, also when somebody has edited it')
    .action(async (options) =>
      (await import('../commands/install.ts')).installCommand({ ...program.opts(), ...options }),
    );

  program
    .command('uninstall')
    .description('takes the service away; credentials and settings stay')
    .option('--force', 'also when somebody has edited its file')
    .action(async (options) => (await import('../commands/install.ts')).uninstallCommand(options));

  program
    .command('completion')
    .description('prints the completion of a shell: commands, options, profiles')
    .addArgument(new Argument('<shell>', 'the shell that is to read it').choices(COMPLETED_SHELLS))
    .action(async (shell: CompletedShell) => (await import('./completion/completion.ts')).completion(shell, program));

  // What the completion asks for while somebody types: nothing for people.
  program
    .command('profile-names', { hidden: true })
    .option('--source')
    .action(async (options) =>
      (await import('../commands/profile-names.ts')).profileNames({ ...program.opts(), ...options }),
    );

  program
    .command('doctor')
    .description('finds what is wrong, or will go wrong, and says how to mend it')
    .option('--json', 'as JSON')
    .option('--try', 'also shows a test notification, and waits for a click; no code is asked for')
    .action(async (options) => (await import('../commands/doctor.ts')).doctor({ ...program.opts(), ...options }));

  program
    .command('demo')
    .description('the whole thing against a sandbox STS on loopback: no AWS account, no network')
    .option('--auto', 'answer the prompts itself, and fail unless every step happened')
    .action(async (options) => (await import('../commands/demo.ts')).demo(options));
  return program;
}
