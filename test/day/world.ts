import { join } from 'node:path';
import { type Clocks, startClocks } from '../faketime/clocks.ts';
import { type Lapse, startLapse } from '../faketime/lapse.ts';
import { busConfiguration } from '../presence/buses.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { HOME, startUserManager, type UserManager } from '../service/user-manager.ts';
import { type Person, startPerson } from './person.ts';

/** A machine of alice's with the installed service on it, AWS, and alice herself, who is not there yet. */
export interface World {
  sandbox: Sandbox;
  alice: UserManager;
  person: Person;
  clocks: Clocks;
  lapse: Lapse;
  stop(): Promise<void>;
}

const RUNTIME = '/run/user/4321/aws-mfa-agent';

/**
 * The agent runs under a real systemd user manager, which lives in the test's own time: so its watchdog is off.
 * @param begin milliseconds since the epoch
 * @param settings the text of `config.ini`
 */
export async function startWorld(begin: number, zone: string, settings: string): Promise<World> {
  const sandbox = await startSandbox();
  const clocks = startClocks(sandbox.home, begin, HOME);
  sandbox.clock.offset = clocks.offset();
  const alice = await startUserManager(sandbox.home);

  // The user's own bus accepts no other user, and the test, which runs as root, plays the person.
  alice.write('bus.conf', busConfiguration(HOME));
  await alice.run(['dbus-daemon', `--config-file=${HOME}/bus.conf`, '--fork', '--nopidfile']);
  await alice.systemctl('set-environment', `DBUS_SESSION_BUS_ADDRESS=unix:path=${HOME}/bus`);
  const person = await startPerson(`unix:path=${sandbox.home}/bus`);

  alice.write('.config/aws-mfa-agent/config.ini', settings);
  const environment = {
    ...clocks.environment,
    NODE_OPTIONS: '--import=/opt/aws-mfa-agent/test/faketime/apart.mjs',
    TZ: zone,
  };
  const endpoint = { AWS_ENDPOINT_URL_STS: sandbox.sts.url };
  const shipped = (await alice.run(['aws-mfa-agent', 'install', '--print'], endpoint)).stdout;
  const unit = [
    '[Service]',
    'ExecStart=',
    `${/^ExecStart=.*/m.exec(shipped)?.[0]} --debug`,
    'StandardError=append:%h/log',
    'WatchdogSec=0',
    ...Object.entries(environment).map(([name, value]) => `Environment="${name}=${value}"`),
  ];
  alice.write('.config/systemd/user/aws-mfa-agent.service.d/day.conf', `${unit.join('\n')}\n`);
  alice.write('log', '');
  const installed = await alice.run(['aws-mfa-agent', 'install'], endpoint);
  if (installed.status !== 0) throw new Error(`it could not be installed: ${installed.stderr}${alice.read('log')}`);
  await alice.becomes('StatusText', /held: screen saver on/);
  const pid = alice.pidOutside(await alice.property('MainPID'));
  const log = join(sandbox.home, 'log');
  const lapse = startLapse({ pid, log, runtime: alice.outside(RUNTIME) }, clocks, sandbox);
  return {
    sandbox,
    alice,
    person,
    clocks,
    lapse,
    stop: async () => {
      lapse.close();
      await person.stop();
      await alice.stop();
      await sandbox.close();
    },
  };
}
