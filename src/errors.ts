/** An error that is told to a person as it stands, in one line. `status` is the exit status of a command that ends with it. */
export class UserError extends Error {
  override name = 'UserError';
  readonly status: 1 | 2 | 3;
  constructor(message: string, status: 1 | 2 | 3 = 1, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
