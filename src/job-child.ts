import type { FromJob, Job, ToJob } from './agent/job.ts';
import type { AskRequest } from './ask/ask.ts';

/**
 * How long a job may take to end after the agent has ended, in milliseconds. Prompts close at once, but a request that AWS has
 * may still give a session, which is then written.
 */
const PATIENCE = 40_000;

// The agent handles signals for the whole process group: it closes the prompt and waits for the outcome.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

const gone = new AbortController();
let raise: (request: AskRequest) => void = () => {};

process.on('disconnect', () => {
  gone.abort();
  setTimeout(() => process.exit(1), PATIENCE).unref();
});
process.on('message', (message: ToJob) => {
  if ('withdraw' in message) gone.abort();
  else if ('raise' in message) raise(message.raise);
  else {
    run(message)
      .then(
        (result) => ({ result }),
        (error) => ({ error: String(error) }),
      )
      .then((end) => send(end, () => process.exit()));
  }
});

async function run(job: Job) {
  switch (job.do) {
    case 'isSchedule': {
      const { validate } = await import('node-cron');
      return validate(job.input);
    }
    case 'upcoming': {
      const { upcomingChecks } = await import('./agent/upcoming.ts');
      return upcomingChecks(job.input);
    }
    case 'verify': {
      const { verifyJob } = await import('./agent/jobs.ts');
      return verifyJob(job.input);
    }
    case 'closeLeft': {
      const { closeLeft } = await import('./ask/desktop/left.ts');
      await closeLeft(job.input, process.env);
      return undefined;
    }
    case 'offer': {
      const { offer } = await import('./ask/desktop/offer.ts');
      return offer(job.input, process.env, gone.signal);
    }
    case 'assume': {
      const { assumeJob } = await import('./agent/jobs.ts');
      return assumeJob(job.input, gone.signal);
    }
    case 'forget': {
      const { forgetJob } = await import('./agent/jobs.ts');
      return forgetJob(job.input);
    }
    case 'refresh': {
      const { refreshJob } = await import('./agent/jobs.ts');
      const onChange = (listener: typeof raise) => {
        raise = listener;
      };
      const asking = { signal: gone.signal, onChange, onOpen: () => send({ opened: true }) };
      return refreshJob(job.input, asking, (...tell) => send({ tell }));
    }
  }
}

function send(message: FromJob, then = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, then);
  else then();
}
