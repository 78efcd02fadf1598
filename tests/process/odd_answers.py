"""Answers that no well-behaved server gives, each as a fault of the simulator, and a pattern of what the daemon must say
of it. `raw` and `status` strike before the request takes effect; `after_effect` makes the same of an answer to a change
that has been made."""

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIST = '{"jobs":[],"runners":[],"servers":[],"items":[],"total_count":0}'
DEPTH = 60000


def raw(head, body):
    return {"effect": "raw", "body": HEAD + head + "\r\n" + body}


def said(body):
    return {"effect": "status", "status": 200, "body": body}


ODD = {
    "64 MiB": ({"effect": "large"}, "larger than allowed"),
    "invalid UTF-8": (raw("Content-Length: 20\r\n", '{"jobs":["\xff\xfe\xc0\x80"]}    '), "UTF-8|no JSON"),
    "deep nesting": (said("[" * DEPTH + "]" * DEPTH), "no JSON"),
    "deep nesting in an object": (said('{"a":' * DEPTH + "1" + "}" * DEPTH), "no JSON"),
    "wrong types": ({"effect": "wrong_types"}, "answered 20[01]"),
    "a text for the list": (said('{"jobs":"x","runners":7,"servers":{},"items":"y"}'), "list|missing"),
    "numbers in the list": (said('{"jobs":[1],"runners":[2],"servers":[3],"items":[4],"total_count":1}'), "answered 200|readings"),
    "a list at the top": (said("[]"), "not an object"),
    "nothing": (said(""), "empty"),
    "a number beyond 64 bits": (said('{"total_count":' + "9" * 400 + ',"jobs":[]}'), "no JSON"),
    "a key twice": (said('{"jobs":[],"jobs":[],"servers":[],"servers":[],"items":[],"items":[]}'), "no JSON"),
    "a length too long": ({"effect": "wrong_length", "length_delta": 10}, "cut off"),
    "a length too short": ({"effect": "wrong_length", "length_delta": -10}, "JSON"),
    "a negative length": (raw("Content-Length: -5\r\n", LIST), "answer"),
    "two lengths": (raw(f"Content-Length: {len(LIST)}\r\nContent-Length: 5\r\n", LIST), "answer|JSON"),
    "a length that is no number": (raw("Content-Length: many\r\n", LIST), "answer"),
    "a length and chunks": (raw("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LIST), "answer|encoding"),
    "broken chunks": (raw("Transfer-Encoding: chunked\r\n", "zz\r\n" + LIST), "answer|chunk|encoding"),
    "a chunk beyond all": (raw("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n" + LIST), "answer"),
    "an encoding of its own": (raw("Content-Encoding: gzip\r\nContent-Length: 5\r\n", "12345"), "encoding|JSON|no JSON"),
    "no HTTP": ({"effect": "raw", "body": "220 mail.example.com ESMTP\r\n"}, "no HTTP"),
    "a head without end": ({"effect": "raw", "body": HEAD + "X-Long: " + 200000 * "x" + "\r\n\r\n"}, "head"),
    "many head lines": ({"effect": "raw", "body": HEAD + 2000 * ("X-Long: " + 50 * "x" + "\r\n") + "\r\n"}, "head"),
    "half a body, then silence": ({"effect": "stall"}, "no whole answer in time"),
    "silence": ({"effect": "hang"}, "no whole answer in time"),
}

LATER = {"raw": "answer_raw", "status": "answer_status", "hang": "answer_hang"}


def after_effect(fault):
    """The same fault for a change that takes effect first."""
    return dict(fault, effect=LATER.get(fault["effect"], fault["effect"]))
