import { networkInterfaces } from 'node:os';
import * as texts from './texts.ts';

const LOOPBACK = /^(localhost|127\.|\[?::1)/;

/** Returns why STS certainly cannot be reached now ("no network"), or undefined if it may be. Sends nothing to find out. */
export function networkProblem(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const endpoint = environment.AWS_ENDPOINT_URL_STS || environment.AWS_ENDPOINT_URL;
  if (endpoint && URL.canParse(endpoint) && LOOPBACK.test(new URL(endpoint).hostname)) return undefined;
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const isUp = addresses.some(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address));
  return isUp ? undefined : texts.NO_NETWORK;
}
