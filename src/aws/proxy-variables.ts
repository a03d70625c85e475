import { UserError } from '../errors.ts';

/** The proxy for a request, and the variable that sets it. */
export interface Proxy {
  url: URL;
  setBy: string;
}

/**
 * Returns the proxy that the AWS CLI uses for a URL; undefined for a direct connection. It reads the variables as Python's
 * urllib does: in any letter case, lower case first; an empty variable in lower case removes the other one. `NO_PROXY` has
 * the ends of host names. `ALL_PROXY` does not count.
 * @throws UserError (`usage`) if the variable does not name an HTTP proxy
 * @see https://docs.python.org/3/library/urllib.request.html#urllib.request.getproxies
 */
export function proxyFor(target: string, environment: NodeJS.ProcessEnv): Proxy | undefined {
  const { protocol, host } = new URL(target);
  const { no, ...proxies } = variables(environment);
  const found = proxies[protocol.slice(0, -1)];
  if (!found || (no && isExcepted(host.toLowerCase(), no.value))) return undefined;
  const { name, value } = found;
  const url = proxyUrl(value);
  if (!url) {
    // The value may contain a password.
    const [, scheme] = /^(\w+):\/\//.exec(value) ?? [];
    const other = scheme && !/^https?$/i.test(scheme) ? `, not ${scheme}` : '';
    throw new UserError(`${name} must be an HTTP proxy, as http://HOST:PORT or https://HOST:PORT${other}`, 'usage');
  }
  return { url, setBy: name };
}

/** @returns undefined for what is not an HTTP proxy */
function proxyUrl(value: string): URL | undefined {
  const text = /^(https?:)?\/\//i.test(value) ? value.replace(/^\/\//, 'http://') : `http://${value}`;
  if (/^\w[\w+.-]*:\/\/./.test(value) && text !== value) return undefined;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return undefined;
  }
  // The AWS CLI sends a name only with a password.
  if (!url.username || !url.password) Object.assign(url, { username: '', password: '' });
  return url;
}

type Variables = Partial<Record<string, { name: string; value: string }>>;

/** Returns the variables `…_proxy` by what is before that, in lower case. */
function variables(environment: NodeJS.ProcessEnv): Variables {
  const found: Variables = {};
  const all = Object.entries(environment).filter(([name]) => /_proxy$/i.test(name));
  const keyOf = (name: string) => name.slice(0, -'_proxy'.length).toLowerCase();
  for (const [name, value] of all) if (value) found[keyOf(name)] = { name, value };
  // A web server gives a CGI script the header "Proxy:" of a client as HTTP_PROXY.
  if (environment.REQUEST_METHOD !== undefined) delete found.http;
  for (const [name, value] of all.filter(([name]) => name.endsWith('_proxy'))) {
    if (value) found[keyOf(name)] = { name, value };
    else delete found[keyOf(name)];
  }
  return found;
}

/** @param host with its port, if it is not the usual one */
function isExcepted(host: string, list: string): boolean {
  if (list === '*') return true;
  const hostOnly = host.replace(/:\d*$/, '');
  return list.split(',').some((text) => {
    const name = text.trim().replace(/^\.+/, '').toLowerCase();
    const ends = (whole: string) => whole === name || whole.endsWith(`.${name}`);
    return name !== '' && (ends(hostOnly) || ends(host));
  });
}
