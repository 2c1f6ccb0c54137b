// Creates the container that is named by its address. The token says what Azurite looks at: issuer, audience, times.
const fs = require("node:fs");
const https = require("node:https");

const [address, certificate] = process.argv.slice(2);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = Math.floor(Date.now() / 1000);
const token = [
  part({ alg: "none", typ: "JWT" }),
  part({
    aud: "https://storage.azure.com",
    iss: "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
    iat: now - 60,
    nbf: now - 60,
    exp: now + 600,
  }),
  "c2lnbmF0dXJl",
].join(".");
const headers = { authorization: `Bearer ${token}`, "x-ms-version": "2023-11-03", "content-length": 0 };
const options = { method: "PUT", headers, ca: fs.readFileSync(certificate) };
const request = https.request(`${address}?restype=container`, options, (answer) => {
  answer.resume();
  if (answer.statusCode !== 201) {
    console.error(`creating ${address} was answered with ${answer.statusCode}`);
    process.exitCode = 1;
  }
});
request.on("error", (error) => {
  console.error(String(error));
  process.exitCode = 1;
});
request.end();
