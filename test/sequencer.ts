import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, in this order, and seldom because they are long. One that began last would run alone. */
const LONGEST = [
  'packaging/packaging',
  'service/systemd',
  'integration/crash',
  'service/day',
  'integration/races',
  'integration/agent',
  'macos/macos-service',
  'integration/lock',
  'integration/outage',
  'desktop/window',
  'integration/exec-server-clients',
  'integration/doctor',
  'desktop/result',
  'integration/session-in-profile',
  'integration/rehearsal',
  'integration/not-a-file',
  'integration/disk-faults',
  'integration/patience',
  'desktop/stand-alone',
  'integration/refused-session',
  'desktop/notification-dunst',
  'service/desktop',
  'integration/soak',
  'desktop/five-devices',
];

/** Starts the longest files first, so that all workers have work until the end. */
export default class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.indexOf(relative(import.meta.dirname, moduleId).replace(/\.test\.ts$/, ''));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}
