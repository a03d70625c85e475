// Ends with one sentence on a Node that is too old. Runs first, in the program and before a build; Node 10 can read its syntax.
{
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 12)) {
    process.stderr.write(`aws-mfa-agent needs Node.js 20.12 or later; ${process.execPath} is ${process.version}\n`);
    process.exit(2);
  }
}
