import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { follow, type Running, run } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
let container: Running;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(async () => {
  container?.child.kill();
  await container?.ended;
  await sandbox.close();
});

/**
 * What a container has: mounts of its own. The folder is mounted read-only at `folder`, the file alone at `file`. For each
 * line on standard input, it shows the access key id in both, and tries to write into the folder.
 */
const CONTAINER = `
mount --make-rprivate / && mount --bind "$AWS" folder && mount -o remount,bind,ro folder && mount --bind "$AWS/credentials" file || exit 1
echo mounted
key() { sed -n '/^.mfa/,$ s/^aws_access_key_id = //p' "$1"; }
while read -r _; do
  echo "folder $(key folder/credentials) file $(key file)"
  touch folder/made 2>/dev/null || echo 'folder is read-only'
done
`;

describe('a container', needs('namespaces'), () => {
  it('a container sees each new session in a mounted folder, and only the old one in a file mounted alone', async () => {
    const refreshed = async () => {
      const words = ['refresh', '--force', '--token-code', sandbox.code()];
      expect(await run(words, sandbox.env)).toMatchObject({ status: 0 });
      return JSON.parse((await run(['credential-process'], sandbox.env)).stdout).AccessKeyId as string;
    };
    const { accessKeyId: first } = await sandbox.put(sandbox.sts.issue('alice', 3600));
    const home = join(sandbox.home, 'container');
    await mkdir(join(home, 'folder'), { recursive: true });
    await writeFile(join(home, 'file'), '');
    const env = { ...sandbox.env, AWS: join(sandbox.home, '.aws') };
    container = follow(spawn('unshare', ['--mount', 'sh', '-c', CONTAINER], { env, cwd: home }));
    await container.says(/mounted/);
    container.child.stdin?.write('look\n');
    await container.says(new RegExp(`folder ${first} file ${first}\nfolder is read-only`));
    const second = await refreshed();
    expect(second).not.toBe(first);
    container.child.stdin?.write('look\n');
    await container.says(new RegExp(`folder ${second} file ${first}\n`));
  });
});
