// node-vault against a running key service over mutual TLS: round_trip.js ADDRESS CA CERTIFICATE KEY
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');

const [address, ca, cert, key] = process.argv.slice(2);
const vault = require('node-vault')({
  endpoint: address,
  requestOptions: {
    ca: fs.readFileSync(ca),
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
  },
});
const base64 = (text) => Buffer.from(text).toString('base64');

async function main() {
  assert.strictEqual((await vault.health()).sealed, false);
  const login = await vault.write('auth/cert/login', {});
  vault.token = login.auth.client_token;
  await vault.write('transit/keys/node', { type: 'xaes256-gcm' });
  const sealed = await vault.encryptData({ name: 'node', plaintext: base64('hello') });
  const opened = await vault.decryptData({ name: 'node', ciphertext: sealed.data.ciphertext });
  assert.strictEqual(Buffer.from(opened.data.plaintext, 'base64').toString(), 'hello');
  const keys = await vault.list('transit/keys');
  assert.ok(keys.data.keys.includes('node'));
  await assert.rejects(
    vault.decryptData({ name: 'node', ciphertext: 'vault:v1:AAAA' }),
    /unable to decrypt/,
  );
  await vault.tokenRevokeSelf();
  await assert.rejects(vault.read('transit/keys/node'), /permission denied/);
  console.log('round trip done');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
