import { chownSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serveControl } from '../../src/control/server.ts';
import { socketPathExcess } from '../../src/files/socket-path.ts';
import { pathsOf } from '../../src/settings/paths.ts';

const HOME = '/home/alice';
const paths = (env: NodeJS.ProcessEnv, configFile?: string) => pathsOf(env, HOME, configFile, 'linux');

describe('the paths with an empty environment', () => {
  it('the paths are those of the XDG specification and of the AWS CLI by default', () => {
    expect(paths({})).toEqual({
      settings: '/home/alice/.config/aws-mfa-agent/config.ini',
      company: '/etc/aws-mfa-agent/config.ini',
      credentials: '/home/alice/.aws/credentials',
      config: '/home/alice/.aws/config',
      state: '/home/alice/.local/state/aws-mfa-agent',
      runtime: '/home/alice/.local/state/aws-mfa-agent',
    });
  });
});

describe('the XDG folders', () => {
  it('the XDG folders are used when they are set', () => {
    const own = mkdtempSync(join(tmpdir(), 'runtime-'));
    const env = { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: own };
    expect(paths(env)).toMatchObject({
      settings: '/c/aws-mfa-agent/config.ini',
      state: '/s/aws-mfa-agent',
      runtime: join(own, 'aws-mfa-agent'),
    });
  });

  it.each(['', 'relative/folder', './here'])('the XDG folders are ignored when they are %j', (folder) => {
    const env = { XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder };
    expect(paths(env)).toEqual(paths({}));
    expect(paths({ XDG_RUNTIME_DIR: relative(process.cwd(), mkdtempSync(join(tmpdir(), 'runtime-'))) })).toEqual(
      paths({}),
    );
  });

  it('the socket is in the state folder when the runtime folder is missing, a file, or of another user', () => {
    const folder = mkdtempSync(join(tmpdir(), 'runtime-'));
    writeFileSync(join(folder, 'file'), '');
    const others = process.getuid?.() === 0 ? mkdtempSync(join(tmpdir(), 'runtime-')) : '/';
    if (others !== '/') chownSync(others, 65534, 65534);
    for (const runtime of [
      join(folder, 'missing'),
      join(folder, 'file'),
      join(folder, 'file/x'),
      others,
      '/proc/no/such',
    ]) {
      expect(paths({ XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: runtime }).runtime).toBe('/s/aws-mfa-agent');
    }
  });

  it('the socket is in the state folder on macOS, which has no runtime folder', () => {
    const env = { XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: mkdtempSync(join(tmpdir(), 'runtime-')) };
    expect(pathsOf(env, HOME, undefined, 'darwin').runtime).toBe('/s/aws-mfa-agent');
  });
});

describe('the settings file', () => {
  const env = { AWS_MFA_AGENT_CONFIG: '/from/variable.ini', XDG_CONFIG_HOME: '/c' };

  it('the settings file is that of the command line rather than that of the variable', () => {
    expect(paths(env, '/from/option.ini').settings).toBe('/from/option.ini');
    expect(paths(env).settings).toBe('/from/variable.ini');
  });

  it('the settings file is the default one when the variable is empty', () => {
    expect(paths({ ...env, AWS_MFA_AGENT_CONFIG: '' }).settings).toBe('/c/aws-mfa-agent/config.ini');
  });

  it('the settings file named by the command line must have a name', () => {
    expect(() => paths(env, '')).toThrow('--config: the name of the file is empty');
  });

  it('the settings file may begin with a tilde, which `--config=~/x` and a systemd unit do not expand', () => {
    expect(paths({}, '~/x.ini').settings).toBe('/home/alice/x.ini');
  });
});

describe('the files of the AWS CLI', () => {
  const credentials = (path: string, env: NodeJS.ProcessEnv = {}) =>
    paths({ ...env, AWS_SHARED_CREDENTIALS_FILE: path }).credentials;

  it('the files of the AWS CLI are those of its variables', () => {
    const env = { AWS_SHARED_CREDENTIALS_FILE: '/a/credentials', AWS_CONFIG_FILE: '/b/config' };
    expect(paths(env)).toMatchObject({ credentials: '/a/credentials', config: '/b/config' });
  });

  it('the files of the AWS CLI are the default ones when a variable is empty', () => {
    expect(paths({ AWS_SHARED_CREDENTIALS_FILE: '', AWS_CONFIG_FILE: '' })).toEqual(paths({}));
  });

  it('the files of the AWS CLI have their tilde and variables expanded as the AWS CLI does', () => {
    expect(credentials('~/work/credentials')).toBe('/home/alice/work/credentials');
    expect(credentials('~')).toBe('/home/alice');
    expect(credentials('~/link/../credentials')).toBe('/home/alice/link/../credentials');
    expect(pathsOf({ AWS_SHARED_CREDENTIALS_FILE: '~/c' }, '/home/alice/').credentials).toBe('/home/alice/c');
    expect(credentials('$TEAM/credentials', { TEAM: '/team' })).toBe('/team/credentials');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's form, not ours
    expect(credentials('/x/${TEAM}s/credentials', { TEAM: 'red' })).toBe('/x/reds/credentials');
  });

  it('the files of the AWS CLI keep an unset variable, a tilde inside and another user’s home as they are', () => {
    for (const path of ['/x/$UNSET_HERE/c', '/x/~/c', '~bob/c']) expect(credentials(path)).toBe(path);
  });
});

describe('the path of a socket', () => {
  it('the path of a socket may have 107 bytes on Linux and 103 on macOS', () => {
    const path = `/home/${'é'.repeat(49)}`;
    expect([socketPathExcess(path, 'linux'), socketPathExcess(path, 'darwin')]).toEqual([0, 1]);
    expect([socketPathExcess(`${path}/abc`, 'linux'), socketPathExcess(`${path}/abc`, 'darwin')]).toEqual([1, 5]);
  });

  it('the agent names a path that is too long, and makes no folder', async () => {
    const folder = join(tmpdir(), 'x'.repeat(120));
    await expect(serveControl(folder, {})).rejects.toThrow(
      /x{120}\/agent\.sock: the path is \d+ bytes too long for a socket; set XDG_STATE_HOME to a folder/,
    );
    expect(existsSync(folder)).toBe(false);
  });
});
