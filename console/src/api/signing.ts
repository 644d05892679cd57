/**
 * Signatures of version 2: HMAC-SHA256 over timestamp, method, path with query, and the body's
 * SHA-256. The key that is kept can sign, and can't be read back.
 */

const encoder = new TextEncoder();

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Turn the service's secret into a key that the browser holds and no script can export. */
export function importSecret(secret: string): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
}

/** Return the headers that sign one request. */
export async function signatureHeaders(
  key: CryptoKey,
  request: { method: string; target: string; body: string; now: number },
): Promise<Record<string, string>> {
  const timestamp = String(Math.round(request.now));
  const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode(request.body)));
  const text = [timestamp, request.method, request.target, digest].join("\n");
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(text));
  return {
    "X-Timestamp": timestamp,
    "X-Signature": hex(signature),
    "X-Signature-Version": "2",
  };
}
