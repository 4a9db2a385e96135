"""A bolt that acks in a way of its own, named by `manner`; every second tuple is answered properly."""

import json

import speak

speak.greet()
manner = speak.setting("manner")
for number, message in enumerate(speak.tuples()):
    ack = {"command": "ack", "id": message["id"]}
    if manner == "noisy":
        print("noise before", number)  # noqa: T201  the prints are the point
        print(json.dumps(ack))  # noqa: T201
        print("end", flush=True)  # noqa: T201
        print("noise without an end of line", end="")  # noqa: T201
    elif manner == "pretty":
        speak.write("\r\n\n" + json.dumps(ack, indent=4).replace("\n", "\r\n") + "\r\nend\r\n")
    elif manner == "broken":
        speak.write(f"{{this is not JSON {number}\nend\n")
        speak.say(**ack)
    elif manner == "raw":
        speak.write(f'{{"command": "log", "msg": "one\nline\tand {number}"}}\nend\n')
        speak.say(**ack)
