"""A spout that emits one tuple for each of `ids`, or `count` with ids from 0, and notes all acks and fails.

`values`: what each tuple holds instead of its number; `raw`: JSON text of the tuple. `stream`: where to.
An id of null is an unreliable tuple. `without_id` emits that many more with no id at all.
"""

import json

import speak

speak.greet()
ids = speak.setting("ids", list(range(speak.setting("count", 0))))
ids += [...] * speak.setting("without_id", 0)
emitted = 0
for command in speak.commands():
    if command["command"] == "next":
        if emitted == len(ids):
            continue
        values = speak.setting("raw") or json.dumps(speak.setting("values") or [emitted])
        message = {"command": "emit", "need_task_ids": False, "stream": speak.setting("stream", "default")}
        if ids[emitted] is not ...:
            message["id"] = ids[emitted]
        speak.note(what="emit", number=emitted)
        emitted += 1
        speak.write(f'{json.dumps(message)[:-1]}, "tuple": {values}}}\nend\n')
    else:
        speak.note(what=command["command"], id=command.get("id"))
