"""Bearer tokens of an identity provider on loopback: what is refused first, then whom a good one names."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient

from serving import tokens
from serving.app import create_app
from serving.house import House
from serving.tokens import actor_of

AUDIENCE = "skillpath"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Provider:
    """An identity provider: a discovery document and a key set, both of which a test may change."""

    def __init__(self) -> None:
        provider = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = provider.pages.get(self.path)
                self.send_response(200 if page else 404)
                self.end_headers()
                self.wfile.write(json.dumps(page or {}).encode())

            def log_message(self, *_said: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.pages: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            }
        }
        self.publish(one=RSA_KEY)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def publish(self, **keys: Any) -> None:
        """Make these the keys of the issuer, by their ids."""
        algorithms = {
            rsa.RSAPrivateKey: jwt.algorithms.RSAAlgorithm,
            ec.EllipticCurvePrivateKey: jwt.algorithms.ECAlgorithm,
        }
        shown = []
        for kid, key in keys.items():
            algorithm = next(made for kind, made in algorithms.items() if isinstance(key, kind))
            shown.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})  # type: ignore[attr-defined]
        self.pages["/keys"] = {"keys": shown}

    def token(self, key: Any = RSA_KEY, algorithm: str = "RS256", kid: str = "one", **claims: Any) -> str:
        """Return a token; claims that are None are left out."""
        said = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": "ann@example.org", "exp": int(time.time()) + 300,
            "scope": "openid skills:read", "employee_id": "ann", **claims,
        }  # fmt: skip
        kept = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(kept, key, algorithm, headers={"kid": kid})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Return a running provider whose keys may be asked for at any time."""
    monkeypatch.setattr(tokens, "RETRY_SECONDS", 0.0)
    started = Provider()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def asking(provider: Provider, sqlite_house: House) -> TestClient:
    """Return a client of a service that takes the provider's tokens."""
    given = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
    sqlite_house.settings = sqlite_house.settings.model_copy(update=given)
    return TestClient(create_app(house=sqlite_house))


def status(client: TestClient, token: str, path: str = "/v1/models") -> int:
    return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_for_somebody_else_or_of_somebody_else_or_too_old_is_refused(
    asking: TestClient, provider: Provider
) -> None:
    assert status(asking, provider.token()) == 200
    for claims in (
        {"aud": "another"}, {"aud": None}, {"iss": "https://evil.example.org"}, {"iss": None}, {"exp": None},
        {"exp": int(time.time()) - 120}, {"sub": None}, {"nbf": int(time.time()) + 600},
    ):  # fmt: skip
        assert status(asking, provider.token(**claims)) == 401, claims


def test_no_algorithm_but_one_that_is_offered_and_allowed_is_taken(
    asking: TestClient, provider: Provider
) -> None:
    unsigned = jwt.encode({"iss": provider.issuer, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 60}, None, "none", headers={"kid": "one"})  # fmt: skip
    assert status(asking, unsigned) == 401
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert status(asking, forged_by_confusion(provider, public)) == 401
    assert status(asking, provider.token(algorithm="PS256")) == 401  # allowed, but not offered


def forged_by_confusion(provider: Provider, public: bytes) -> str:
    """Return a token whose HMAC key is the issuer's public key, as an attacker makes it."""
    import base64
    import hashlib
    import hmac

    def part(said: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=")

    claims = {"iss": provider.issuer, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 60}
    signed = part({"alg": "HS256", "kid": "one"}) + b"." + part(claims)
    mark = base64.urlsafe_b64encode(hmac.new(public, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + mark).decode()


def test_a_key_of_nobody_is_refused_and_a_rotated_one_is_found(
    asking: TestClient, provider: Provider
) -> None:
    stranger = rsa.generate_private_key(65537, 2048)
    assert status(asking, provider.token(stranger)) == 401
    new = provider.token(EC_KEY, "ES256", "two")
    assert status(asking, new) == 401
    provider.publish(one=RSA_KEY, two=EC_KEY)
    assert status(asking, new) == 200
    provider.publish(two=EC_KEY)
    assert status(asking, provider.token(EC_KEY, "ES256", "three")) == 401  # reads the keys again
    assert status(asking, provider.token()) == 401


@pytest.mark.parametrize("sent", ["a.b.c", "..", "é.é.é", "a.b.c" * 10_000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused_and_breaks_nothing(asking: TestClient, sent: str) -> None:
    headers = [(b"authorization", b"Bearer " + sent.encode())]
    assert asking.get("/v1/models", headers=headers).status_code == 401


def test_the_known_keys_go_on_while_the_issuer_is_away(asking: TestClient, provider: Provider) -> None:
    assert status(asking, provider.token()) == 200
    provider.pages.clear()
    assert status(asking, provider.token(kid="unknown")) == 401
    assert status(asking, provider.token()) == 200


def test_a_discovery_document_of_another_issuer_opens_nothing(asking: TestClient, provider: Provider) -> None:
    provider.pages["/.well-known/openid-configuration"]["issuer"] = "https://evil.example.org"
    assert status(asking, provider.token()) == 401


def test_scopes_come_from_the_claim_and_no_others(asking: TestClient, provider: Provider) -> None:
    assert status(asking, provider.token(), "/v1/courses/c") == 403
    listed = provider.token(scope=["records:read", "root"])
    assert status(asking, listed, "/v1/courses/c") == 404


def test_a_token_without_a_person_sees_nobody_and_one_for_everybody_sees_all(
    asking: TestClient, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "skillpath.request")
    path = "/v1/employees/eve/skill-gaps"
    nobody = asking.get(path, headers={"Authorization": f"Bearer {provider.token(employee_id=None)}"})
    assert nobody.json()["type"] == "urn:skillpath:problem:unknown-record"
    everybody = provider.token(scope="skills:read people:all")
    assert asking.get(path, headers={"Authorization": f"Bearer {everybody}"}).json()["found"] == "eve"
    assert caplog.records[-1].key == actor_of(provider.issuer, "ann@example.org")  # type: ignore[attr-defined]
    assert "example.org" not in caplog.text
