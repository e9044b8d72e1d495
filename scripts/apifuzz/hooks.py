"""What apifuzz adds to schemathesis: who asks, records that are there, and the
check that no answer holds a value that it may not."""

import base64
import ipaddress
import itertools
import json
import os
import uuid

import schemathesis

CANARIES = [c for c in os.environ["APIFUZZ_CANARIES"].split(",") if c]
KNOWN = json.loads(os.environ["APIFUZZ_KNOWN"])
CLIENTS = itertools.count(0x0B000000)

# These hand values out: that is what they are for.
EXPOSES = {
    "revealSecret", "orgRevealSecret", "getManifest", "lookupSecret", "createWorkspace", "rotateWorkspace",
    "createUserWorkspace", "rotateUserWorkspace", "createToken", "startLogin", "finishLogin",
}


def forms(text):
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    for shift in range(3):  # base64 of something that holds it, at any place
        whole = base64.b64encode(b"\0" * shift + raw)
        yield whole[4 if shift else 0:-4]


FORMS = [form for canary in CANARIES for form in forms(canary)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Two of three requests are for records that are there, so that more than
    "not found" is looked at. What would end them is for made-up names."""
    if not path_parameters:
        return path_parameters
    made_up = sum(json.dumps(path_parameters, default=str).encode()) % 3 == 0
    if context.operation.method.upper() != "DELETE" and not made_up:
        for name in path_parameters:
            path_parameters[name] = KNOWN.get(name, path_parameters[name])
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    """Every request comes from another client of the proxy that this is, so that
    the slowing down of guesses hides nothing, and makes something new."""
    headers = dict(case.headers)
    if len(headers.get("Idempotency-Key", "")) >= 16:
        headers["Idempotency-Key"] = str(uuid.uuid4())
    client = next(CLIENTS)
    if "If-Match" in headers and client % 2:
        headers["If-Match"] = "*"
    headers["X-Forwarded-For"] = str(ipaddress.IPv4Address(client))
    case.headers = headers


@schemathesis.check
def no_value(ctx, response, case):
    operation = case.operation.definition.raw.get("operationId", "")
    if operation in EXPOSES and response.status_code < 400:
        return
    text = response.content or b""
    for name, values in response.headers.items():
        text += b"\n" + str(values).encode()
    for form in FORMS:
        if form in text:
            raise AssertionError("the answer holds a value that it may not")
