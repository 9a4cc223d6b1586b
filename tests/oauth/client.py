"""An app on Authlib, driven by JSON lines: the first says what the app is, each of the others what it does. What the library
or the server refuses is answered as `refused`."""

import json
import sys
from urllib.parse import parse_qs, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

app = json.loads(sys.stdin.readline())
session = OAuth2Session(
    app["clientId"],
    app["secret"],
    token_endpoint_auth_method=app["authentication"],
    revocation_endpoint_auth_method=app["authentication"],
    redirect_uri=app["redirectUri"],
    code_challenge_method="S256",
)
server = None
state = None
verifier = None


class Refused(Exception):
    pass


def answered(response):
    """The JSON of a response to a request whose errors the library leaves to its caller."""
    body = response.json() if response.content else {}
    if not response.ok:
        raise Refused(body.get("error") or body["code"])
    return body


def discover():
    global server
    found = session.get(get_well_known_url(app["issuer"], external=True), withhold_token=True)
    server = AuthorizationServerMetadata(answered(found))
    server.validate()
    return {"issuer": server["issuer"]}


def begin(scope):
    global state, verifier
    verifier = generate_token(48)
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, scope=scope
    )
    return {"url": url}


def redeem(callback):
    # The library leaves RFC 9207 to its caller.
    if parse_qs(urlsplit(callback).query).get("iss") != [server["issuer"]]:
        raise Refused("the answer is another server's")
    return session.fetch_token(
        server["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
    )


def read(url, accessToken):
    session.token = {"access_token": accessToken, "token_type": "Bearer"}
    return answered(session.get(url))


def refresh(refreshToken):
    return session.refresh_token(server["token_endpoint"], refresh_token=refreshToken)


def introspect(token):
    return answered(session.introspect_token(server["introspection_endpoint"], token=token))


def revoke(token):
    return answered(session.revoke_token(server["revocation_endpoint"], token=token))


DOES = {does.__name__: does for does in [discover, begin, redeem, read, refresh, introspect, revoke]}

for line in sys.stdin:
    given = json.loads(line)
    try:
        answer = DOES[given.pop("call")](**given)
    except AuthlibBaseError as error:
        answer = {"refused": error.error}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    print(json.dumps(answer), flush=True)
