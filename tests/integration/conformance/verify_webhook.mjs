// Verifies one webhook by npm's `standardwebhooks`. In: {secret, payload, headers}; out: ok, or why not.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, payload, headers } = JSON.parse(readFileSync(0, "utf8"));
try {
  new Webhook(secret).verify(payload, headers);
  process.stdout.write("ok");
} catch (error) {
  process.stdout.write(String(error.message));
}
