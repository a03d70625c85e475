import type { ClientRequest } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/**
 * An HTTP agent that sends each request through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` set
 * for its host, or directly.
 */
export class EnvironmentProxyAgent extends HttpsProxyAgent<string> {
  readonly #over: AbortSignal;
  readonly #tls: { ca?: Buffer };

  /** @param over closes the connections to proxies that have not connected yet */
  constructor(over: AbortSignal, tls: { ca?: Buffer } = {}) {
    super('http://proxy.invalid');
    this.#over = over;
    this.#tls = tls;
  }

  // The base class also accepts an agent of Node itself and asks it for a socket, but its type does not say so.
  override connect(request: ClientRequest, options: ConnectOptions) {
    const scheme = options.secureEndpoint ? 'https' : 'http';
    const proxy = getProxyForUrl(`${scheme}://${options.host}:${options.port}`);
    if (proxy) {
      // The package would return the proxy's refusal as AWS's answer.
      request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
        if (statusCode !== 200) request.destroy(new Error(`the proxy refused the connection (HTTP ${statusCode})`));
      });
      return new HttpsProxyAgent(proxy, { signal: this.#over }).connect(request, { ...options, ...this.#tls });
    }
    const direct = options.secureEndpoint ? new HttpsAgent(this.#tls) : new HttpAgent();
    return direct as unknown as ReturnType<HttpsProxyAgent<string>['connect']>;
  }
}
