// A key pair of one's own in the browser, its certificate request (PKCS#10, RFC 2986), and a login with both (RFC 7523).

const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };
const OID_ECDSA_SHA256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]; // 1.2.840.10045.4.3.2
const OID_COMMON_NAME = [0x06, 0x03, 0x55, 0x04, 0x03]; // 2.5.4.3

function der(tag, ...contents) {
  const body = contents.flatMap((each) => [...each]);
  const length = body.length < 0x80 ? [body.length]
    : body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return [tag, ...length, ...body];
}

const sequence = (...contents) => der(0x30, ...contents);

// WebCrypto gives r and s side by side; X.509 wants them as two DER integers.
function derSignature(raw) {
  const integer = (bytes) => {
    let from = 0;
    while (from < bytes.length - 1 && bytes[from] === 0) from += 1;
    const kept = [...bytes.slice(from)];
    return der(0x02, kept[0] & 0x80 ? [0, ...kept] : kept);
  };
  return sequence(integer(raw.slice(0, 32)), integer(raw.slice(32)));
}

export function pem(label, bytes) {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g).join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

export async function newKey() {
  return crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
}

// The name in a request counts for nothing here: names come from the service's own records.
export async function certificateRequest(pair, commonName) {
  const key = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const name = sequence(der(0x31, sequence(OID_COMMON_NAME, der(0x0c, new TextEncoder().encode(commonName)))));
  const asked = sequence([0x02, 0x01, 0x00], name, key, der(0xa0));
  const signature = new Uint8Array(await crypto.subtle.sign(SIGNING, pair.privateKey, new Uint8Array(asked)));
  const request = sequence(asked, sequence(OID_ECDSA_SHA256), der(0x03, [0x00], derSignature(signature)));
  return pem("CERTIFICATE REQUEST", request);
}

export async function privateKeyPem(pair) {
  return pem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)));
}

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const json = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));

// Spends a signed assertion for an access token: what every program of a participant does.
export async function logIn(pair, certificatePem, operatorId) {
  const encoded = certificatePem.split("-----")[2].replace(/\s/g, "");
  const certificate = Uint8Array.from(atob(encoded), (each) => each.charCodeAt(0));
  const thumbprint = base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", certificate)));
  const metadata = await (await fetch("/.well-known/oauth-authorization-server")).json();
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "ES256", typ: "JWT", "x5t#S256": thumbprint };
  const claims = { iss: operatorId, sub: operatorId, aud: metadata.token_endpoint, iat: now, exp: now + 60, jti: crypto.randomUUID() };
  const signed = `${json(header)}.${json(claims)}`;
  const signature = await crypto.subtle.sign(SIGNING, pair.privateKey, new TextEncoder().encode(signed));
  const response = await fetch("/oauth/token", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: `${signed}.${base64url(new Uint8Array(signature))}`,
    }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error_description ?? answer.error);
  return answer.access_token;
}
