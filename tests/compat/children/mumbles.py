"""A spout that says half characters wherever text may be, and notes that it has."""

import speak

speak.greet()
for _ in speak.commands():
    speak.say(command="error", msg="no file \udcff")
    speak.say(command="log", msg="\udcff")
    speak.say(command="metrics", name="\udcff", params="\udcff")
    speak.say(command="emit", tuple=["\udcff"], stream="\udcff", need_task_ids=False)
    speak.say(command="emit", tuple=["\udcff"], need_task_ids=False)
    speak.note(what="mumbled")
