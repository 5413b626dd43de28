"""hvac and tink against a running key service, as an application would use them.

round_trip.py unix SOCKET
round_trip.py tls ADDRESS CA CERTIFICATE KEY
"""

import base64
import sys
import urllib.parse

import hvac
import requests_unixsocket
import tink
from tink import aead
from tink.integration import hcvault


def connect(words):
    if words[0] == "unix":
        url = "http+unix://" + urllib.parse.quote(words[1], safe="")
        return hvac.Client(url=url, session=requests_unixsocket.Session())
    address, authority, certificate, key = words[1:]
    client = hvac.Client(url=address, verify=authority, cert=(certificate, key))
    client.auth.cert.login()
    assert client.is_authenticated()
    assert client.lookup_token()["data"]["ttl"] > 0
    client.auth.token.renew_self()
    return client


def b64(data):
    return base64.b64encode(data).decode()


def with_hvac(client, name):
    transit = client.secrets.transit
    assert client.sys.read_health_status(method="GET")["sealed"] is False
    assert client.sys.is_initialized() and not client.sys.is_sealed()
    transit.create_key(name=name, key_type="aes256-gcm96", exportable=True, allow_plaintext_backup=True)
    assert name in transit.list_keys()["data"]["keys"]
    sealed = transit.encrypt_data(name=name, plaintext=b64(b"hello"))["data"]["ciphertext"]
    assert sealed.startswith("vault:v1:")
    opened = transit.decrypt_data(name=name, ciphertext=sealed)["data"]["plaintext"]
    assert base64.b64decode(opened) == b"hello"

    transit.rotate_key(name=name)
    rewrapped = transit.rewrap_data(name=name, ciphertext=sealed)["data"]["ciphertext"]
    assert rewrapped.startswith("vault:v2:")
    batch = [{"plaintext": b64(b"one")}, {"plaintext": b64(b"two")}]
    results = transit.encrypt_data(name=name, batch_input=batch)["data"]["batch_results"]
    back = transit.decrypt_data(name=name, batch_input=results)["data"]["batch_results"]
    assert [base64.b64decode(item["plaintext"]) for item in back] == [b"one", b"two"]

    data_key = transit.generate_data_key(name=name, key_type="plaintext", bits=256)["data"]
    assert len(base64.b64decode(data_key["plaintext"])) == 32
    assert len(base64.b64decode(transit.generate_random_bytes(n_bytes=16)["data"]["random_bytes"])) == 16
    assert len(transit.hash_data(hash_input=b64(b"x"), algorithm="sha2-256")["data"]["sum"]) == 64
    mac = transit.generate_hmac(name=name, hash_input=b64(b"x"), algorithm="sha2-256")["data"]["hmac"]
    assert transit.verify_signed_data(name=name, hash_input=b64(b"x"), hmac=mac)["data"]["valid"]

    backup = transit.backup_key(name=name)["data"]["backup"]
    transit.update_key_configuration(name=name, deletion_allowed=True)
    transit.delete_key(name=name)
    transit.restore_key(backup=backup)
    assert base64.b64decode(transit.decrypt_data(name=name, ciphertext=rewrapped)["data"]["plaintext"]) == b"hello"
    assert "2" in transit.export_key(name=name, key_type="encryption-key")["data"]["keys"]
    transit.rotate_key(name=name)
    transit.update_key_configuration(name=name, min_decryption_version=2, min_encryption_version=3)
    transit.trim_key(name=name, min_version=2)
    try:
        transit.decrypt_data(name=name, ciphertext=sealed)
        raise AssertionError("a trimmed version opened")
    except hvac.exceptions.InvalidRequest as error:
        assert "too old" in str(error), error

    signer = name + "-signer"
    transit.create_key(name=signer, key_type="ed25519")
    signature = transit.sign_data(name=signer, hash_input=b64(b"pay 5"))["data"]["signature"]
    valid = lambda text: transit.verify_signed_data(name=signer, hash_input=b64(text), signature=signature)["data"]["valid"]
    assert valid(b"pay 5") and not valid(b"pay 9")


def with_tink(client, name):
    aead.register()
    client.secrets.transit.create_key(name=name)
    primitive = hcvault.new_aead("transit/keys/" + name, client)
    sealed = primitive.encrypt(b"hello", b"")
    assert primitive.decrypt(sealed, b"") == b"hello"
    try:
        primitive.decrypt(sealed[:-5] + b"AAAA=", b"")
        raise AssertionError("a changed ciphertext opened")
    except tink.TinkError:
        pass


def main():
    client = connect(sys.argv[1:])
    with_hvac(client, "hvac-" + sys.argv[1])
    with_tink(client, "tink-" + sys.argv[1])
    if sys.argv[1] == "tls":
        client.auth.token.revoke_self()
    print("round trip done")


main()
