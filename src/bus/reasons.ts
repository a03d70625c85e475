/** Why a message bus cannot be used. */

/** @param variable the variable that contains the address of the bus */
export function noBus(name: string, variable: string): string {
  return `no ${name} bus: ${variable} is not set`;
}

export function busUnreachable(name: string, detail: string): string {
  return `cannot connect to the ${name} bus: ${detail}`;
}

export function busGone(name: string): string {
  return `the connection to the ${name} bus ended`;
}

/** @param timeout in milliseconds */
export function busLate(name: string, timeout: number): string {
  return `no answer on the ${name} bus within ${timeout / 1000} s`;
}
