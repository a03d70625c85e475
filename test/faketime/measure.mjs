// Loaded by the agent's node before the agent (--import): at SIGUSR2, a line of the log says what the process holds.
process.on('SIGUSR2', async () => {
  // What is to be finalised first is collected by the second.
  for (let round = 0; round < 2; round++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const listeners = Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
  const measured = { msg: 'measured', rss, heapUsed, external, resources: process.getActiveResourcesInfo(), listeners };
  process.stderr.write(`${JSON.stringify(measured)}\n`);
});
