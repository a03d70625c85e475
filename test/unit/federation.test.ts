import { describe, expect, it } from 'vitest';
import { PARTITIONS } from '../../src/aws/endpoint.ts';
import { consolePage, loginUrl } from '../../src/aws/federation.ts';

const arn = (partition: string) => `arn:${partition}:iam::123456789012:role/admin`;
const page = (partition: string, of: Parameters<typeof consolePage>[1] = {}) =>
  consolePage(arn(partition), of, undefined);
const urls = (partition: string, of?: Parameters<typeof consolePage>[1]) => {
  const { federation, destination } = page(partition, of);
  return [federation.href, destination];
};
const usage = (message: RegExp) => expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) });

describe('the console of a partition', () => {
  it.each([
    ['aws', 'signin.aws.amazon.com', 'console.aws.amazon.com'],
    ['aws-cn', 'signin.amazonaws.cn', 'console.amazonaws.cn'],
    ['aws-us-gov', 'signin.amazonaws-us-gov.com', 'console.amazonaws-us-gov.com'],
    ['aws-eusc', 'eusc-de-east-1.signin.amazonaws-eusc.eu', 'eusc-de-east-1.console.amazonaws-eusc.eu'],
    ['aws-iso', 'signin.c2shome.ic.gov', 'console.c2shome.ic.gov'],
    ['aws-iso-b', 'signin.sc2shome.sgov.gov', 'console.sc2shome.sgov.gov'],
    ['aws-iso-e', 'signin.csphome.adc-e.uk', 'console.csphome.adc-e.uk'],
    ['aws-iso-f', 'signin.csphome.hci.ic.gov', 'console.csphome.hci.ic.gov'],
  ])('%s signs in at %s', (partition, signIn, console) => {
    expect(urls(partition)).toEqual([`https://${signIn}/federation`, `https://${console}/console/home`]);
  });

  it('every partition that requests can go to has a console', () => {
    for (const { id, region } of PARTITIONS) expect(urls(id, { region })[1]).toContain(`?region=${region}`);
  });

  it('a page has the service and the region of the options', () => {
    const options = { region: 'eu-west-1', usualRegion: 'us-east-1', service: 'ec2' };
    expect(urls('aws', options)[1]).toBe('https://console.aws.amazon.com/ec2/home?region=eu-west-1');
    expect(urls('aws', { service: 'systems-manager/parameters' })[1]).toBe(
      'https://console.aws.amazon.com/systems-manager/parameters/home',
    );
  });

  it('the region of the profile counts without one of the options, if it is in the partition', () => {
    expect(urls('aws', { usualRegion: 'eu-west-3' })[1]).toMatch(/\/console\/home\?region=eu-west-3$/);
    expect(urls('aws', { usualRegion: 'aws-global' })[1]).toMatch(/\/console\/home$/);
    expect(urls('aws-eusc', { usualRegion: 'eu-west-3' })[1]).toMatch(/^https:\/\/eusc-de-east-1\..*\/console\/home$/);
  });

  it.each([
    ['a region of another partition', { region: 'cn-north-1' }, /^--region cn-north-1: not a region of aws, for/],
    ['a host instead of a region', { region: 'evil.example/#' }, /^--region evil\.example\/#: not a region/],
    ['a path outside', { service: '../x' }, /^--service \.\.\/x: must be the name/],
    ['a query', { service: 'ec2?a=b' }, /^--service ec2\?a=b/],
    ['nothing', { service: '' }, /^--service :/],
  ])('%s is refused', (_, options, message) => {
    expect(() => page('aws', options)).toThrow(usage(message));
  });

  it('an unknown partition is refused', () => {
    expect(() => page('aws-moon')).toThrow(usage(/^role_arn arn:aws-moon:.*: no console is known/));
  });

  it('the address to sign in escapes the token and the destination', () => {
    const url = new URL(loginUrl(page('aws', { region: 'eu-west-1' }), 'a+b/c='));
    expect(url.origin + url.pathname).toBe('https://signin.aws.amazon.com/federation');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      Action: 'login',
      Issuer: 'aws-mfa-agent',
      Destination: 'https://console.aws.amazon.com/console/home?region=eu-west-1',
      SigninToken: 'a+b/c=',
    });
  });
});

describe('the endpoint of a setting', () => {
  const at = (url: string) => consolePage(arn('aws'), {}, { url, setBy: 'AWS_ENDPOINT_URL_SIGNIN' }).federation.href;

  it.each([
    ['http://127.0.0.1:4566', 'http://127.0.0.1:4566/federation'],
    ['http://localhost:4566/', 'http://localhost:4566/federation'],
    ['http://[::1]:4566/aws', 'http://[::1]:4566/aws/federation'],
    ['https://eu-west-1.signin.aws.amazon.com', 'https://eu-west-1.signin.aws.amazon.com/federation'],
  ])('%s gets the session', (url, federation) => {
    expect(at(url)).toBe(federation);
  });

  it.each([
    'https://signin.example.com',
    'http://signin.aws.amazon.com',
    'http://127.0.0.1.example.com',
    'http://192.168.1.1',
    'https://signin.aws.amazon.com.example.com',
    'https://evilsignin.aws.amazon.com',
  ])('%s does not get the session', (url) => {
    expect(() => at(url)).toThrow(
      usage(/^the session is not sent to .* \(set by AWS_ENDPOINT_URL_SIGNIN\), which is nei/),
    );
  });
});
