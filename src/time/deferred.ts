/** A promise that can be resolved from outside. Node has `Promise.withResolvers` only since version 22. */
export interface Deferred<Value> {
  promise: Promise<Value>;
  resolve(this: void, value: Value | PromiseLike<Value>): void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let resolve: Deferred<Value>['resolve'] = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
