import type { ClientRequest } from 'node:http';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyFor } from './proxy-variables.ts';

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];
type PlainRequest = Parameters<HttpProxyAgent<string>['connect']>[0];
type Connection = ReturnType<HttpsProxyAgent<string>['connect']>;

/** An HTTP agent that sends each request through the proxy that the environment sets for its host, or directly. */
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
    const host = options.host?.includes(':') ? `[${options.host}]` : options.host;
    const proxy = proxyFor(`http${options.secureEndpoint ? 's' : ''}://${host}:${options.port}`, process.env);
    if (proxy && options.secureEndpoint) {
      // The package would return the proxy's refusal as AWS's answer.
      request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
        const why = Number.isNaN(statusCode) ? 'its answer is not HTTP' : `HTTP ${statusCode}`;
        if (statusCode !== 200) request.destroy(new Error(`the proxy refused the connection (${why})`));
      });
      return new HttpsProxyAgent(proxy.url, { ...this.#tls, signal: this.#over }).connect(request, {
        ...options,
        ...this.#tls,
      });
    }
    // Not a tunnel: the AWS CLI asks the proxy for the URL, and many proxies allow tunnels only to port 443.
    if (proxy)
      return new HttpProxyAgent(proxy.url, { ...this.#tls, signal: this.#over }).connect(
        request as PlainRequest,
        options,
      ) as Connection;
    const direct = options.secureEndpoint ? new HttpsAgent(this.#tls) : new HttpAgent();
    return direct as unknown as Connection;
  }
}
