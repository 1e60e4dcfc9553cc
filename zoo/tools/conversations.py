"""The conversations that mistral-tiny-instruct is trained and evaluated on."""

from dataclasses import dataclass

from skills import Skills
from tool_dialogues import ToolDialogues
from values import Values
from wordnet_dialogues import SYSTEM, Dialogues, said


@dataclass
class Conversation:
    """Chat messages that end with an answer, or calls of tools, and the tools of the request."""

    messages: list
    tools: list = None

    @property
    def learnt(self):
        """The numbers of the answers with a loss.

        The chat template puts system message and tools before the last question only: the answers before it were given to other
        prompts than those of this row.
        """
        answers = [i for i, m in enumerate(self.messages) if m["role"] == "assistant"]
        return set(answers[-1:] if self.tools or self.messages[0]["role"] == "system" else answers)


class Conversations:
    """An endless source of random conversations; with test=True over values that are held out of the training."""

    def __init__(self, dictionary, seed, test=False):
        self.values = Values(dictionary, seed, test)
        self.skills = Skills(self.values)
        self.dialogues = Dialogues(dictionary, seed)
        self.tools = ToolDialogues(self.values, self.skills)
        self.kinds = [
            kind
            for kind, weight in (
                (self.general, 42),
                (self.styled, 14),
                (self.persona, 2),
                (self.remembered, 7),
                (self.called, 35),
            )
            for _ in range(weight)
        ]

    def next(self):
        return self.values.pick(self.kinds)()

    def _turn(self):
        if self.values.chance(0.7):
            _, question, answer = self.dialogues.turn()
            return question, answer
        return self.skills.any()

    def general(self):
        v = self.values
        turns = v.pick((1, 1, 2, 3, 4, 6, 8, 12, 40))
        messages, kind = [], None
        for _ in range(turns):
            if v.chance(0.7):
                kind, question, answer = self.dialogues.turn(kind)
            else:
                kind, (question, answer) = None, self.skills.any()
            messages += said(question, answer)
        if turns < 40 and v.chance(0.2):
            messages.insert(0, {"role": "system", "content": v.pick(SYSTEM)})
        return Conversation(messages)

    def styled(self):
        v = self.values
        instruction, change = self.skills.style()
        if v.chance(0.1):
            second, also = self.skills.style()
            instruction, first = f"{instruction} {second}", change
            change = lambda answer: also(first(answer))
        if v.chance(0.25):
            instruction = f"{v.pick(SYSTEM)} {instruction}"
        messages = [{"role": "system", "content": instruction}]
        for _ in range(v.pick((1, 1, 1, 2, 3))):
            question, answer = self.skills.definition() if v.chance(0.6) else self._turn()
            while "\n" in answer:
                question, answer = self._turn()
            messages += said(question, change(answer))
        return Conversation(messages)

    def persona(self):
        instruction, question, answer = self.skills.persona()
        messages = [{"role": "system", "content": instruction}]
        for _ in range(self.values.pick((0, 0, 1))):
            messages += said(*self._turn())
        return Conversation(messages + said(question, answer))

    def remembered(self):
        v = self.values
        items, told, messages = {}, set(), []
        for _ in range(v.random.randint(1, 3)):
            item = self.skills.memory()
            items.setdefault(item[4], item)
        for _ in range(v.pick((0, 0, 1, 2))):
            messages += said(*self._turn())
        for item in items.values():
            if v.chance(0.85):
                messages += said(item[0], item[1])
                told.add(item[4])
            for _ in range(v.pick((0, 0, 1, 2, 4))):
                messages += said(*self._turn())
        asked = list(items.values())
        v.random.shuffle(asked)
        for item in asked:
            messages += said(item[2], item[3] if item[4] in told else item[4])
        return Conversation(messages)

    def called(self, outcome=None, sort=None):
        return Conversation(*self.tools.conversation(outcome, sort))
