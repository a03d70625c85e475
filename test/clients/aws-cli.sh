# Runs the AWS CLI again and again, and writes the access key id that it has used.
while :; do
  log=$(aws --debug sts get-caller-identity 2>&1 >/dev/null) || { echo "$log" | tail -n 3; exit 1; }
  echo "used $(echo "$log" | sed -n 's/.*Credential=\([A-Z0-9]*\)\/.*/\1/p' | tail -n 1)"
  # Each run loads for a second: without a pause, it would keep a processor from the other tests.
  sleep 2
done
