/** Returns whether a host is AWS's own. */
export function isOfAws(host: string): boolean {
  return OF_AWS.test(host);
}

/** The domains of AWS's partitions and of its newer endpoints. */
const OF_AWS =
  /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|amazonwebservices\.com\.cn)$/;
