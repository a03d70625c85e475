/** Variables that decide whose keys an AWS tool uses: a child that gets a code or a key for us must not see them. */
const KEYS_OF_OTHERS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
];

/** The environment for a child process: ours, without anybody's AWS keys. */
export function childEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !KEYS_OF_OTHERS.includes(name.toUpperCase())),
  );
}
