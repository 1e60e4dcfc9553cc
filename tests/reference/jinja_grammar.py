"""Random Jinja expressions and templates: what a chat template may contain, and a little more.

`Grammar` draws expressions by the type that they are meant to have. One draw in `wrong` ignores the type, so errors
are covered too. Nothing depends on hash order, on memory addresses or on the time.
"""


VARIABLES = {
    "n": 7, "m": -3, "z": 0, "x": 2.5, "y": -0.1, "e": 1e16, "t": True, "f": False, "none": None,
    "s": "Hello, World", "u": "Zoë ß 灯塔 👩‍🚀 e\u0301", "w": "  two\n lines\t ", "q": "it's \"q\"", "empty": "", "html": "<b>&amp; 'x'</b>",
    "xs": [3, 1, 2], "ss": ["b", "A", "c", "a"], "nested": [[1, 2], [3, [4, 5]], []], "mixed": [1, "a", None, True, 2.5, {"k": []}],
    "d": {"b": 1, "a": 2, "C": 3}, "deep": {"x": {"y": [1, 2, {"z": "deep"}]}, "items": 5, "key with space": None},
    "people": [{"name": "Ann", "age": 31, "city": "Oslo", "tags": ["a", "b"]}, {"name": "Bob", "age": 25, "city": "Rome", "tags": []},
               {"name": "Cid", "age": 31, "city": "Oslo"}],
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi\nthere"},
                 {"role": "assistant", "content": "", "tool_calls": [{"id": "abc123def", "function": {"name": "f", "arguments": {"a": 1, "b": "é"}}}]},
                 {"role": "tool", "content": "{\"r\": 1}", "tool_call_id": "abc123def"}],
}


class Grammar:
    def __init__(self, random, wrong=30):
        self.wrong, self.random, self.ints, self.strings, self.lists, self.in_loop = wrong, random, ["n", "m", "z"], ["s", "u", "w", "q", "empty"], ["xs", "ss", "nested"], False

    def pick(self, *options):
        return self.random.choice(options)

    def chance(self, part):
        return self.random.random() < part

    def of(self, type, depth):
        """An expression of a type, or now and then of another one."""
        if self.random.randrange(self.wrong) == 0:
            type = self.pick("int", "float", "str", "list", "dict", "bool", "odd")
        return getattr(self, type + "_")(depth)

    def any(self, depth):
        return self.of(self.pick("int", "float", "str", "str", "list", "dict", "bool", "odd"), depth)

    def group(self, text):
        return f"({text})" if self.chance(0.45) else text

    def binary(self, operators, type, other, depth):
        space = self.pick(" ", " ", " ", "")
        operator = self.pick(*operators)
        return self.group(f"{self.of(type, depth - 1)}{space}{operator}{space}{self.of(other, depth - 1)}")

    def conditional(self, type, depth):
        text = f"{self.of(type, depth - 1)} if {self.of('bool', depth - 1)}"
        return f"({text} else {self.of(type, depth - 1)})" if self.chance(0.8) else f"({text})"

    def atom(self, text):
        """Something that a filter, an index or a method may follow."""
        return text if text[-1].isalnum() and text.replace("_", "a").isalnum() else f"({text})"

    # ------------------------------------------------------------------------------------------------ by type

    def odd_(self, depth):
        return self.pick("none", "missing", "None", "none", "missing.x" if self.chance(0.1) else "d.missing", "range(3)", "xs[7]", "deep['items']", "namespace(a=1).a")

    def int_(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.pick(*self.ints, "0", "1", "2", "3", "10", "1_000", "255", "xs[0]", "d.a", "d['b']", "deep.x.y[0]", "people[0].age",
                             *(["loop.index", "loop.index0", "loop.length", "loop.revindex"] if self.in_loop else []))
        i, s, l = (lambda t: lambda: self.of(t, depth - 1)), self.of, self.list_
        return self.pick(
            lambda: self.binary(["+", "-", "*", "+", "-"], "int", "int", depth), lambda: self.binary(["//", "%"], "int", "int", depth),
            lambda: f"-{self.of('int', depth - 1)}", lambda: f"+{self.atom(self.of('int', depth - 1))}",
            lambda: f"{self.of('int', 0)}**{self.pick('0', '1', '2', '3', '-1')}", lambda: self.conditional("int", depth),
            lambda: f"{self.atom(self.any(depth - 1))}|length", lambda: f"{self.atom(self.of(self.pick('str', 'float', 'int', 'bool'), depth - 1))}|int",
            lambda: f"{self.atom(self.of('list', depth - 1))}|{self.pick('sum', 'max', 'min', 'first', 'last', 'count')}",
            lambda: f"{self.atom(self.of('str', depth - 1))}.{self.pick('find', 'rfind', 'count', 'index')}({self.of('str', 0)})",
            lambda: f"{self.atom(self.of('int', depth - 1))}|abs", lambda: f"{self.atom(self.of('str', depth - 1))}|wordcount",
            lambda: f"{self.atom(self.of('list', depth - 1))}[{self.of('int', 0)}]", lambda: f"{self.atom(self.of('list', depth - 1))}.{self.pick('count', 'index')}({self.any(0)})",
            lambda: f"{self.atom(self.of('dict', depth - 1))}.get({self.of('str', 0)}, {self.of('int', 0)})", lambda: f"{self.of('bool', depth - 1)} + {self.of('int', depth - 1)}",
        )()

    def float_(self, depth):
        if depth <= 0 or self.chance(0.2):
            return self.pick("x", "y", "e", "0.5", "1.0", "3.14159", "1e3", "2.5e-3", "1e22", "0.1", "100.0", "1.5E+2")
        return self.pick(
            lambda: self.binary(["/"], "int", "int", depth), lambda: self.binary(["+", "-", "*", "/"], "float", "int", depth), lambda: self.binary(["//", "%"], "float", "float", depth),
            lambda: f"{self.atom(self.of('float', depth - 1))}|round({self.pick('', '1', '2', '-1', '0', '1, ' + repr('floor'), '2, ' + repr('ceil'), 'method=' + repr('ceil'))})",
            lambda: f"{self.atom(self.of('int', depth - 1))}|float", lambda: f"{self.atom(self.of('str', depth - 1))}|float({self.of('float', 0)})", lambda: f"-{self.of('float', depth - 1)}",
            lambda: f"{self.of('float', 0)} ** {self.pick('2', '0.5', '-1')}", lambda: self.conditional("float", depth),
        )()

    def literal(self):
        text = self.pick("", "a", "abc", "A b", " x ", "l", "o", ",", ", ", "role", "name", "a,b,,c", "Zoë", "灯塔", "<s>", "%", "{}", "x\\ny", "t\\tb", "\\\\", "0", "12", "3.5", "b", "Hello", "world peace", "-", "aXbXc")
        return f"'{text}'" if self.chance(0.7) else f'"{text}"'

    def str_(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.pick(*self.strings, self.literal(), self.literal(), "messages[1].content", "people[0]['name']", "ss[0]", "'a' 'b'")
        return self.pick(
            lambda: self.binary(["+"], "str", "str", depth), lambda: f"{self.any(depth - 1)} ~ {self.any(depth - 1)}", lambda: self.binary(["*"], "str", "int", 1),
            lambda: self.conditional("str", depth), lambda: self.method(depth), lambda: self.method(depth), lambda: self.filtered(depth), lambda: self.filtered(depth),
            lambda: f"{self.atom(self.of('str', depth - 1))}{self.slice()}", lambda: f"{self.atom(self.of('str', depth - 1))}[{self.of('int', 0)}]",
            lambda: f"{self.atom(self.of('list', depth - 1))}|join({self.pick('', self.literal(), self.literal())})", lambda: f"{self.literal()}.join({self.of('list', depth - 1)})",
            lambda: f"{self.atom(self.any(depth - 1))}|{self.pick('string', 'tojson', 'tojson', 'tojson(indent=2)', 'tojson(sort_keys=true)', 'tojson(ensure_ascii=true)', 'tojson(separators=(' + repr(',') + ', ' + repr(':') + '))')}",
            lambda: f"{self.pick(repr('%s'), repr('%d'), repr('%5.2f'), repr('<%-6s>'), repr('%05d'), repr('%x'), repr('%r'), repr('%%%s'))} % {self.pick(self.of('int', 0), self.of('float', 0), self.of('str', 0), '(' + self.any(0) + ',)')}",
            lambda: f"{self.pick(repr('{}'), repr('{0}-{0}'), repr('{:>8}'), repr('{:<8}|'), repr('{:^9}'), repr('{:.2f}'), repr('{:,}'), repr('{:05}'), repr('{!r}'))}.format({self.any(0)})",
            lambda: f"{self.pick(repr('%s|%s'), repr('%d-%s'))}|format({self.any(0)}, {self.any(0)})",
        )()

    def method(self, depth):
        s = self.atom(self.of("str", depth - 1))
        a, b, i = self.of("str", 0), self.of("str", 0), self.of("int", 0)
        return s + "." + self.pick(
            "strip()", f"strip({a})", "lstrip()", f"lstrip({a})", "rstrip()", f"rstrip({a})", "upper()", "lower()", "title()", "capitalize()", "swapcase()", f"replace({a}, {b})", f"replace({a}, {b}, 1)",
            f"split({a})[0]", f"split({a})[-1]", f"rsplit({a}, 1)[0]", "splitlines()|join('|')", f"center({self.pick('9', '12')})", f"ljust({self.pick('9', '12')}, '.')", f"rjust({self.pick('9', '14')})", f"zfill({i})",
            f"removeprefix({a})", f"removesuffix({a})", f"partition({a})[2]", f"rpartition({a})[0]", "expandtabs(4)", "casefold()", f"join({self.of('list', 0)})")

    def filtered(self, depth):
        s, a, i = self.atom(self.of("str", depth - 1)), self.of("str", 0), self.of("int", 0)
        return s + "|" + self.pick(
            "trim", f"trim({a})", "upper", "lower", "title", "capitalize", f"replace({a}, {self.of('str', 0)})", f"replace({a}, 'Y', {i})", f"default({a})", f"default({a}, true)", f"d({a}, boolean={self.of('bool', 0)})",
            "center(15)", "indent", "indent(2)", "indent(3, true)", "indent('> ', first=true, blank=true)", "truncate(8)", "truncate(8, true)", "truncate(6, true, '..', 0)", "first", "last", "reverse", "list|join('.')",
            "urlencode", "upper|lower", "trim|title", "string", "length|string", "safe")

    def slice(self):
        part = lambda: self.pick("", "", "0", "1", "2", "-1", "-2", "5", "n", "m", "none")
        return self.pick(f"[{part()}:{part()}]", f"[{part()}:{part()}]", f"[{part()}:{part()}:{self.pick('', '1', '2', '-1', '-2', 'none')}]", "[::-1]", "[1:]", "[:-1]")

    def list_(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.pick(*self.lists, "[]", "['x', 'y']", "[1, 2.5, none]", "people", "messages", "range(4)", "range(5, 0, -2)", "range(1, 9, 3)|list", "(1, 'a')", "()", "d.values()", "d.items()", "d.keys()", "mixed")
        inner, s = self.atom(self.of("list", depth - 1)), lambda: self.atom(self.of("str", depth - 1))
        test = self.pick("'odd'", "'string'", "'defined'", "'none'", "'in', [1, 'a', none]", "'number'", "'eq', 1", "'equalto', 'a'", "'mapping'", "'gt', 1", "'lower'", "'divisibleby', 2", "'sameas', true")
        key = self.pick("'name'", "'age'", "'city'", "'tags'", "'role'", "'missing'", "'tags.0'")
        return self.pick(
            lambda: f"[{', '.join(self.any(depth - 1) for _ in range(self.random.randrange(4)))}]", lambda: f"({self.any(depth - 1)}, {self.any(depth - 1)})",
            lambda: self.binary(["+"], "list", "list", depth), lambda: f"{inner} * {self.of('int', 0)}", lambda: f"{inner}{self.slice()}", lambda: f"{inner}{self.slice()}", lambda: self.conditional("list", depth),
            lambda: f"{s()}.split({self.pick('', self.literal(), self.literal() + ', 1', 'none, 1', 'maxsplit=1')})", lambda: f"{s()}|list", lambda: f"{s()}.splitlines({self.pick('', 'true')})",
            lambda: f"{inner}|{self.pick('list', 'reverse|list', 'sort', 'sort(reverse=true)', 'sort(case_sensitive=true)', 'unique|list', 'batch(2)|list', 'batch(2, 0)|list', 'slice(2)|list', 'slice(3, none)|list')}",
            lambda: f"{inner}|map({self.pick(repr('upper'), repr('string'), repr('length'), repr('int'), repr('default') + ', 0', repr('replace') + ', ' + repr('a') + ', ' + repr('b'), 'attribute=' + repr('name'), repr('tojson'))})|list",
            lambda: f"{inner}|{self.pick('select', 'reject')}({self.pick(test, test, '')})|list", lambda: f"people|{self.pick('selectattr', 'rejectattr')}({key}{self.pick('', ', ' + test)})|{self.pick('list', 'list', 'first', 'list|length')}",
            lambda: f"people|map(attribute={key}{self.pick('', ', default=' + self.any(0))})|list", lambda: f"people|{self.pick('sort', 'groupby')}({self.pick('attribute=', '')}{key})|{self.pick('list', 'map(' + repr('first') + ')|list')}",
            lambda: f"{self.atom(self.of('dict', depth - 1))}.{self.pick('keys()', 'values()', 'items()')}{self.pick('|list', '')}", lambda: f"{self.atom(self.of('dict', depth - 1))}|{self.pick('dictsort', 'dictsort(true)', 'dictsort(by=' + repr('value') + ')', 'dictsort(reverse=true)', 'items|list', 'list')}",
            lambda: f"range({self.of('int', 0)})|list", lambda: f"{self.atom(self.of('str', 0))}.partition({self.literal()})",
        )()

    def dict_(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.pick("d", "deep", "{}", "people[0]", "people[1]", "messages[2]", "{'a': 1}", "dict(a=1, b='x')", "messages[-1]", "{1: 'x', none: 2, true: 3, 2.5: 4}")
        return self.pick(lambda: "{" + ", ".join(f"{self.pick(self.literal(), self.int_(0))}: {self.any(depth - 1)}" for _ in range(self.random.randrange(4))) + "}",
                         lambda: f"dict(a={self.any(depth - 1)}, b={self.any(depth - 1)})", lambda: f"dict({self.atom(self.dict_(depth - 1))}, z={self.any(0)})", lambda: f"{self.atom(self.of('dict', depth - 1))}.copy()")()

    def bool_(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.pick("t", "f", "true", "False", "True", "n > 3", "s", "missing", "xs", "empty", "'a' in s", "x is defined")
        compare = lambda: self.pick("==", "!=", "<", "<=", ">", ">=")
        same = self.pick("int", "float", "str", "int")
        return self.pick(
            lambda: self.group(f"{self.of(same, depth - 1)} {compare()} {self.of(same, depth - 1)}"), lambda: self.group(f"{self.any(depth - 1)} {self.pick('==', '!=')} {self.any(depth - 1)}"),
            lambda: f"{self.of('int', 0)} {compare()} {self.of('int', 0)} {compare()} {self.of('int', 0)}", lambda: self.binary([" and ", " or "], "bool", "bool", depth), lambda: f"not {self.of('bool', depth - 1)}",
            lambda: self.group(f"{self.any(depth - 1)} {self.pick('in', 'not in')} {self.of('list', depth - 1)}"), lambda: f"{self.of('str', 0)} {self.pick('in', 'not in')} {self.of(self.pick('str', 'dict'), depth - 1)}",
            lambda: f"{self.atom(self.any(depth - 1))} {self.pick('is', 'is not')} {self.test()}", lambda: f"{self.atom(self.of('str', depth - 1))}.{self.pick('startswith', 'endswith')}({self.of('str', 0)})",
            lambda: f"{self.atom(self.of('str', depth - 1))}.{self.pick('isdigit', 'isalpha', 'isupper', 'islower', 'isspace', 'isalnum', 'isnumeric', 'istitle')}()", lambda: self.conditional("bool", depth),
            lambda: self.group(f"{self.any(depth - 1)} {self.pick('or', 'and')} {self.any(depth - 1)}"),
        )()

    def test(self):
        return self.pick("defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "sequence", "iterable", "mapping", "callable", "odd", "even", "lower", "upper",
                         f"divisibleby {self.of('int', 0)}", f"divisibleby({self.of('int', 0)})", f"eq {self.any(0)}", f"equalto({self.any(0)})", f"ne({self.any(0)})", f"gt({self.of('int', 0)})", f"lessthan {self.of('int', 0)}",
                         f"ge({self.of('float', 0)})", f"le 2", f"in {self.atom(self.of('list', 0))}", f"in({self.of('str', 0)})", f"sameas {self.pick('none', 'true', 'n')}", "== 7", "filter", "escaped")

    # ------------------------------------------------------------------------------------------------ statements

    def tag(self, inner):
        return self.pick("{%", "{%", "{%", "{%-", "{%-", "{%+") + self.pick(" ", " ", "") + inner + self.pick(" ", " ", "") + self.pick("%}", "%}", "%}", "-%}", "-%}", "+%}")

    def text(self):
        return self.pick("", "", "\n", " ", "  \n", "text", "\t", "a b\n", "\n\n", " x ", "{ ", " }", "%", "é\n", "\r\n", "'", "\n   ", "# ", "{ { ", "$\n \n")

    def print(self, depth):
        return self.pick("{{", "{{", "{{-") + self.pick(" ", " ", "\n") + self.any(depth) + self.pick(" ", " ", "\n ") + self.pick("}}", "}}", "-}}")

    def comment(self):
        return self.pick("{#", "{#-", "{#+") + self.pick(" note ", "", " {{ n }} {% if %} ", "\n") + self.pick("#}", "-#}", "+#}")

    def body(self, depth, length=4):
        return "".join(self.text() + self.statement(depth) for _ in range(self.random.randrange(1, length))) + self.text()

    def statement(self, depth):
        if depth <= 0:
            return self.pick(self.print(1), self.print(1), self.comment(), self.text())
        return self.pick(self.if_, self.if_, self.for_, self.for_, self.for_, self.set, self.block_set, self.macro, self.call, self.filter, self.with_, self.raw, self.namespace, self.generation, lambda _: self.print(2))(depth)

    def if_(self, depth):
        text = self.tag("if " + self.of("bool", 2)) + self.body(depth - 1)
        if self.chance(0.3):
            text += self.tag("elif " + self.of("bool", 1)) + self.body(depth - 1)
        if self.chance(0.5):
            text += self.tag("else") + self.body(depth - 1)
        return text + self.tag("endif")

    def for_(self, depth):
        name, kept = self.pick("i", "item", "x", "n"), (self.ints, self.in_loop)
        target, source = self.pick((name, self.of("list", 1)), (name, self.of("list", 1)), ("k, v", "d.items()"), ("k, v", "deep|dictsort"), ("i", "range(3)"), ("message", "messages"), ("p", "people"), ("a, b", "[(1, 2), [3, 4]]"), ("c", "'héy'"))
        condition = self.pick("", "", "", f" if {self.of('bool', 1)}", f" if {target.split(',')[0]} {self.pick('is odd', '!= 1', 'is mapping', 'is string')}")
        self.ints, self.in_loop = self.ints + [target.split(",")[0]], True
        body = self.body(depth - 1)
        if self.chance(0.5):
            body = self.pick("{{ loop.first }}", "{{ loop.last }}", "{{ loop.index }}/{{ loop.length }}", "{{ loop.previtem }}", "{{ loop.nextitem is defined }}", "{{ loop.cycle('o', 'e') }}", "{{ loop.changed(loop.index // 2) }}", "{{ loop.depth }}{{ loop.depth0 }}", "{{ loop.revindex0 }}") + body
        if self.chance(0.2):
            body = self.tag("if " + self.pick("loop.index == 2", "loop.first", "loop.last")) + self.tag(self.pick("break", "continue")) + self.tag("endif") + body
        (self.ints, self.in_loop), otherwise = kept, self.tag("else") + self.body(depth - 1, 2) if self.chance(0.25) else ""
        return self.tag(f"for {target} in {source}{condition}") + body + otherwise + self.tag("endfor")

    def set(self, depth):
        name, type = self.pick(("n", "int"), ("s", "str"), ("xs", "list"), ("d", "dict"), ("local", "int"))
        return self.tag(self.pick(f"set {name} = {self.of(type, 2)}", f"set {name} = {self.of(type, 1)}", f"set a, b = {self.any(1)}, {self.any(1)}")) + self.pick("", "{{ " + name + " }}")

    def block_set(self, depth):
        return self.tag("set s" + self.pick("", "", " | upper", "|trim|length")) + self.body(depth - 1) + self.tag("endset") + "[{{ s }}]"

    def macro(self, depth):
        name, parameters = self.pick("m1", "m2"), self.pick("", "a", "a, b=2", "a, b=2", "a='x', b=none", "n")
        names = [parameter.split("=")[0] for parameter in parameters.split(", ") if parameter]
        arguments = self.pick(", ".join(self.any(1) for _ in names), ", ".join(f"{name}={self.any(0)}" for name in names), ", ".join(self.any(1) for _ in names[1:]), self.any(0), f"{self.any(0)}, 1, 2, k=3")
        body = self.body(depth - 1) + self.pick("", "{{ a }}-{{ b }}", "{{ varargs }}{{ kwargs }}", "{{ caller is defined }}")
        return self.tag(f"macro {name}({parameters})") + body + self.tag("endmacro") + "{{ " + f"{name}({arguments})" + self.pick("", "|upper", "|length", "|trim", " ~ 'z'") + " }}"

    def call(self, depth):
        return ("{% macro w(t) %}" + self.pick("<{{ caller() }}>", "{{ t }}:{{ caller() }}{{ caller() }}") + "{% endmacro %}"
                + self.tag(self.pick("call w(1)", "call w('x')", "call(v) w(2)", "call(v, k=3) w()", "call(v=4) w()")) + self.body(depth - 1) + self.pick("", "{{ v }}") + self.tag("endcall"))

    def filter(self, depth):
        return self.tag("filter " + self.pick("upper", "trim", "replace('a', 'b')", "indent(2)|upper", "title", "tojson")) + self.body(depth - 1) + self.tag("endfilter")

    def with_(self, depth):
        return self.tag("with " + self.pick(f"n = {self.any(1)}", f"a = {self.any(1)}, b = {self.any(1)}", f"s = {self.of('str', 1)}")) + self.body(depth - 1) + "{{ a }}" + self.tag("endwith") + "{{ a }}"

    def raw(self, depth):
        return self.tag("raw").replace("+%}", "%}") + self.text() + self.pick("{{ x }}", "{% if %}", "{# c #}", "") + self.text() + self.tag("endraw")

    def namespace(self, depth):
        return self.tag(f"set ns = namespace(v={self.any(1)}, k=0)") + self.tag(f"for i in {self.of('list', 1)}") + self.tag(f"set ns.{self.pick('v', 'k', 'new')} = {self.pick('i', 'loop.index', self.any(1))}") + self.tag("endfor") + "{{ ns.v }}{{ ns.k }}"

    def generation(self, depth):
        return self.tag("generation") + self.body(depth - 1) + self.tag("endgeneration")

    # ------------------------------------------------------------------------------------------------ whole cases

    def expression(self):
        self.in_loop, self.wrong = False, 30
        return "{{ " + self.any(self.pick(1, 2, 2, 3)) + " }}"

    def template(self):
        self.in_loop, self.wrong = False, 90
        return self.body(self.pick(1, 2, 2, 3), 5)
