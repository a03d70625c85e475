import { networkInterfaces } from 'node:os';
import { isLoopback } from '../aws/endpoint.ts';
import * as texts from './texts.ts';

/**
 * Returns why STS certainly cannot be reached now ("no network"), or undefined if it may be. Sends nothing to find out.
 * @param hosts returns the hosts where STS is; only called without a network
 */
export function networkProblem(hosts: () => readonly string[]): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const isUp = addresses.some(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address));
  return isUp || hosts().some(isLoopback) ? undefined : texts.NO_NETWORK;
}
