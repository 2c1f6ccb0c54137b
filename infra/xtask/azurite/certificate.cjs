// Writes key.pem and cert.pem into the folder that is named: a certificate for this machine alone, since Azurite takes
// tokens over https only.
const fs = require("node:fs");
const path = require("node:path");
const selfsigned = require("selfsigned");

const folder = process.argv[2];
const pems = selfsigned.generate([{ name: "commonName", value: "localhost" }], {
  algorithm: "sha256",
  days: 30,
  keySize: 2048,
  extensions: [
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true },
    { name: "extKeyUsage", serverAuth: true },
    { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }] },
  ],
});
fs.writeFileSync(path.join(folder, "key.pem"), pems.private, { mode: 0o600 });
fs.writeFileSync(path.join(folder, "cert.pem"), pems.cert);
