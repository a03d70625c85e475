import type { ClientRequest } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/**
 * An HTTP agent that sends each request the way `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say for its
 * host: through the proxy, or straight.
 */
export class EnvironmentProxyAgent extends HttpsProxyAgent<string> {
  readonly #tls: { ca?: Buffer };

  constructor(tls: { ca?: Buffer } = {}) {
    super('http://proxy.invalid');
    this.#tls = tls;
  }

  // An agent of node-core is a valid answer here (the base class asks it for a socket), which the type does not tell.
  override connect(request: ClientRequest, options: ConnectOptions) {
    const scheme = options.secureEndpoint ? 'https' : 'http';
    const proxy = getProxyForUrl(`${scheme}://${options.host}:${options.port}`);
    if (proxy) return new HttpsProxyAgent(proxy).connect(request, { ...options, ...this.#tls });
    const straight = options.secureEndpoint ? new HttpsAgent(this.#tls) : new HttpAgent();
    return straight as unknown as ReturnType<HttpsProxyAgent<string>['connect']>;
  }
}
