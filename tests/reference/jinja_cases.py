"""Jinja templates chosen by hand, by area: each operator, filter, test, method and statement with its corner cases."""

from itertools import product

OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]
OPERANDS = ["7", "-2", "0", "2.5", "-0.5", "'ab'", "''", "[1, 2]", "(1, 2)", "{'a': 1}", "none", "true", "missing"]

VALUES = """0 ¦ -0 ¦ 1_000 ¦ 0x1F ¦ 0b101 ¦ 0o17 ¦ 123456789012345678901234567890 ¦ 9223372036854775807 ¦ 9223372036854775807 + 1 ¦ -9223372036854775808 - 1 ¦ 2**63 ¦ 2**100 ¦ (2**100) // 7 ¦ -(2**70) % 1000 ¦ 7**-2 ¦ 0.0 ¦ -0.0 ¦ 1.0 ¦ 1e5 ¦ 1e15 ¦ 1e16
1e17 ¦ 1.5e300 * 1e10 ¦ 1e-4 ¦ 1e-5 ¦ 0.1 + 0.2 ¦ 2e-3 ¦ 1e22 ¦ 1e23 ¦ 123456789.123456789 ¦ 5e-324 ¦ 1.7976931348623157e308 ¦ 2.0e-3 ¦ 100000000000000.0 ¦ 1/3 ¦ 10/2 ¦ 1e308 * 10 ¦ -1e308 * 10 ¦ 1e308 * 10 - 1e308 * 10
true ¦ false ¦ none ¦ True ¦ False ¦ None ¦ 'a' ¦ "a" ¦ 'it\\'s' ¦ "it's" ¦ 'say "x"' ¦ 'it\\'s "x"' ¦ 'tab\\tnl\\ncr\\r' ¦ 'back\\\\slash' ¦ '\\u00e9' ¦ '\\x41' ¦ 'nul\\x00' ¦ 'é灯👩‍🚀' ¦ '\\u200b' ¦ '\\xa0' ¦ 'e\\u0301' ¦ '\\x7f\\x80' ¦ '\\q'
[] ¦ [1] ¦ [1, 'a', none, true, 2.0] ¦ [[]] ¦ () ¦ (1,) ¦ (1, 2) ¦ {} ¦ {'a': 1} ¦ {1: 2, 2.5: 3, none: 4, true: 5} ¦ {'k': {'n': [1, {'z': ()}]}} ¦ ['it\\'s', "say \\"x\\"", 'nl\\n', 'é', '\\u200b'] ¦ {'a b': '\\t'} ¦ [1.0, 1e16, 1e-7]
[missing] ¦ range(3) ¦ range(1, 10, 3) ¦ range(5)[1:3] ¦ range(10)[::2] ¦ dict(a=1) ¦ namespace(a=1) ¦ xs ¦ deep ¦ people ¦ messages[2] ¦ d.items() ¦ d.keys() ¦ d.values() ¦ 'a' 'b' "c" ¦ 1 if true ¦ 1 if false ¦ (1 if false) ¦ [1 if false] ¦ 1, 2 ¦ (1, 2,) ¦ [1, 2,] ¦ {'a': 1,} ¦ 1,""".replace("\n", " ¦ ").split(" ¦ ")

CONVERSIONS = ["{{ VALUE }}", "{{ [VALUE] }}", "{{ (VALUE)|string ~ '!' }}", "{{ (VALUE)|tojson }}"]

EXPRESSIONS = """
1 + 2 * 3 ¦ (1 + 2) * 3 ¦ 2 ** 3 ** 2 ¦ -2 ** 2 ¦ (-2) ** 2 ¦ 2 ** -1 ¦ - - 2 ¦ -x ¦ +x ¦ not true ¦ not not true ¦ not 1 == 2 ¦ not 1 in [2] ¦ 1 - 2 - 3 ¦ 100 / 10 / 2 ¦ 7 // 2 * 2 ¦ 7 % 4 * 2 ¦ 1 ~ 2 ~ 3 ¦ 1 ~ 2 + 3 ¦ 'a' ~ 1 * 2 ¦ 1 + 2 ~ 3
1 < 2 < 3 ¦ 1 < 3 < 2 ¦ 3 > 2 >= 2 ¦ 1 == 1.0 ¦ 1 == true ¦ 0 == false ¦ '1' == 1 ¦ none == false ¦ missing == none ¦ missing == missing ¦ missing != 1 ¦ [] == () ¦ [1] == [1.0] ¦ {'a': 1} == {'a': 1.0} ¦ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} ¦ (1, 2) < (1, 3) ¦ [1, 2] < [1, 2, 0] ¦ 'a' < 'B' ¦ 'é' > 'z'
true + true ¦ true * 3 ¦ 'ab' * 3 ¦ 3 * 'ab' ¦ [0] * 3 ¦ 'ab' * -1 ¦ [1] + [2] ¦ (1,) + (2,) ¦ [1] + (2,) ¦ 'a' + 1 ¦ 1 + none ¦ missing + 1 ¦ missing ~ 1 ¦ 'a' * 2.0 ¦ {} + {} ¦ none < 1 ¦ 'a' < 1 ¦ [] < ''
7 // 2 ¦ -7 // 2 ¦ 7 // -2 ¦ 7 % -3 ¦ -7 % 3 ¦ 7.5 // 2 ¦ -7.5 // 2 ¦ 7.5 % -2 ¦ -7 % 2.5 ¦ 1 / 0 ¦ 1 // 0 ¦ 1 % 0 ¦ 1.0 / 0 ¦ 0 ** 0 ¦ 0 ** -1 ¦ 2 ** 0.5 ¦ 8 ** (1 / 3) ¦ 10 ** 20 ¦ 10.0 ** 20 ¦ 6 / 3 ¦ 7 / 2 ¦ 5 // 0.3 ¦ 0.3 % 0.1
true and false ¦ 0 or 'x' ¦ '' or [] or none or 'last' ¦ 1 and 'b' ¦ [] and x ¦ none or missing or 5 ¦ true and not false or false ¦ 1 or 1 / 0 ¦ 0 and 1 / 0 ¦ not '' ¦ not 'a' ¦ not [] ¦ not {} ¦ not 0.0 ¦ not none ¦ not missing ¦ not range(0) ¦ not ()
'a' in 'abc' ¦ '' in 'abc' ¦ 1 in 'abc' ¦ 1 in [1, 2] ¦ 'b' in d ¦ 'B' not in d ¦ 1 in {1: 2} ¦ none in [none] ¦ missing in [1] ¦ missing in 'abc' ¦ 'a' in missing ¦ 1 in 5 ¦ [1] in [[1]] ¦ 'a' in {'a': 1}.values() ¦ ('b', 1) in d.items() ¦ 2 in range(3) ¦ 2.0 in [2] ¦ true in [1]
s[0] ¦ s[-1] ¦ s[99] ¦ s[1:3] ¦ s[::-1] ¦ s[::2] ¦ s[-3:] ¦ s[:-3] ¦ s[5:2] ¦ s[5:2:-1] ¦ s[none:none] ¦ s[none:3:none] ¦ s[::0] ¦ s['a'] ¦ s[1.0] ¦ u[-1] ¦ u[4:6] ¦ '👩‍🚀x'[0] ¦ '👩‍🚀x'|length ¦ '👩‍🚀x'[::-1]
xs[0] ¦ xs[-1] ¦ xs[9] ¦ xs[1:] ¦ xs[::-1] ¦ xs[::2] ¦ xs[-2:] ¦ xs['0'] ¦ xs.0 ¦ xs[true] ¦ xs[1:2][0] ¦ nested[1][1][0] ¦ nested.1.1.0 ¦ (1, 2)[0] ¦ (1, 2)[5] ¦ (1, 2, 3)[::-1] ¦ range(10)[3] ¦ range(10)[99] ¦ 'abc'.0 ¦ [10, 20][-1]
d.a ¦ d['a'] ¦ d.missing ¦ d['missing'] ¦ d.missing.x ¦ d.missing['x'] ¦ d[none] ¦ d.items ¦ d['items'] ¦ deep.items ¦ deep['items'] ¦ deep.x.y[2].z ¦ deep['x']['y'][-1]['z'] ¦ deep['key with space'] ¦ d['a' ~ ''] ¦ {1: 'one'}[1] ¦ {1: 'one'}['1'] ¦ {'a': {'b': 2}}.a.b ¦ d[1:2] ¦ d[[]]
missing ¦ missing.x ¦ missing['x'] ¦ missing() ¦ missing|length ¦ missing|list ¦ missing|upper ¦ missing|string ¦ missing is defined ¦ d.missing is defined ¦ missing.x is defined ¦ missing ~ 'x' ¦ missing == '' ¦ missing|int ¦ missing|float ¦ -missing ¦ missing < 1 ¦ missing[0] ¦ none.x ¦ none[0] ¦ none() ¦ 5.x ¦ 5() ¦ x.y ¦ n.real ¦ s.upper ¦ s.nothing ¦ s.nothing()
s.__class__ ¦ s['__class__'] ¦ s|attr('__class__') ¦ d.__class__ ¦ xs.append(1) ¦ xs.pop() ¦ xs.sort() ¦ d.update({}) ¦ d.pop('a') ¦ d.setdefault('q', 1) ¦ d.clear() ¦ xs.copy() ¦ xs.insert(0, 1) ¦ xs.reverse() ¦ xs.extend([]) ¦ xs.__len__() ¦ ''.__class__.__mro__ ¦ range.__doc__
'%s' % 1 ¦ '%s %s' % (1, 'a') ¦ '%d' % 3.7 ¦ '%05d' % 42 ¦ '%+d' % 5 ¦ '%x' % 255 ¦ '%X' % 255 ¦ '%o' % 8 ¦ '%e' % 12345.678 ¦ '%E' % 0.00012 ¦ '%g' % 0.0001 ¦ '%g' % 1e10 ¦ '%.3f' % 3.14159 ¦ '%10.2f|' % 2.5 ¦ '%-10s|' % 'a' ¦ '%10s|' % 'a' ¦ '%r' % 'a' ¦ '%c' % 'a' ¦ '%c' % 65 ¦ '%%' % () ¦ '%s' % none ¦ '%s' % [1] ¦ '%s' % () ¦ '%s' % (1, 2) ¦ '%(a)s-%(b)d' % d ¦ '%(q)s' % d ¦ '%d' % 'a' ¦ '%q' % 1 ¦ '%' % 1 ¦ '%i' % true ¦ '%.2s|' % 'abc' ¦ '%*d' % (5, 42) ¦ '% d' % 42 ¦ '%#x' % 255 ¦ '%a' % 'é'
'{}'.format(1) ¦ '{} {}'.format(1, 'a') ¦ '{1} {0}'.format(1, 2) ¦ '{a} {b}'.format(a=1, b=2) ¦ '{:>5}|'.format('a') ¦ '{:<5}|'.format('a') ¦ '{:^5}|'.format('a') ¦ '{:*^7}'.format('a') ¦ '{:^5}'.format('ab') ¦ '{:^6}|'.format(1.5) ¦ 'ab'.center(5, '-') ¦ '{:05d}'.format(42) ¦ '{:+}'.format(5) ¦ '{:,}'.format(1234567) ¦ '{:.2f}'.format(3.14159) ¦ '{:10.3f}|'.format(2.5) ¦ '{:x}'.format(255) ¦ '{:#x}'.format(255) ¦ '{:b}'.format(5) ¦ '{:e}'.format(12345.678) ¦ '{:%}'.format(0.25) ¦ '{:.1%}'.format(0.256) ¦ '{!r}'.format('a') ¦ '{!s:>4}'.format(1) ¦ '{0[0]}'.format([7]) ¦ '{0[a]}'.format(d) ¦ '{0.a}'.format(d) ¦ '{{}}'.format() ¦ '{'.format() ¦ '}'.format() ¦ '{}'.format() ¦ '{2}'.format(1) ¦ '{:d}'.format('a') ¦ '{:g}'.format(0.00001) ¦ '{:_}'.format(1234567) ¦ '{:.3}'.format('abcdef') ¦ '{:n}'.format(5) ¦ '{:{}}|'.format('a', 4) ¦ '{:.3}'.format(3.14159) ¦ '{}'.format(none) ¦ '{:>6}'.format(none) ¦ '{}'.format([1, 'a']) ¦ '{:5}|'.format(true) ¦ '{:s}'.format('x') ¦ '{:=+6d}'.format(42)
'a,b,,c'.split(',') ¦ 'a b  c '.split() ¦ ' a b '.split(' ') ¦ 'a,b,c'.split(',', 1) ¦ 'a b c'.split(none, 1) ¦ 'a b c'.split(maxsplit=1) ¦ 'a,b,c'.split(sep=',') ¦ 'a,b,c'.rsplit(',', 1) ¦ ' a b '.rsplit() ¦ ''.split() ¦ ''.split(',') ¦ 'abc'.split('') ¦ 'aXXbXXc'.split('XX') ¦ 'a\\nb\\r\\nc\\rd'.splitlines() ¦ 'a\\nb\\n'.splitlines(true) ¦ ''.splitlines() ¦ 'a\\x0bb\\x1cc\\u2028d'.splitlines() ¦ 'a\\xa0b\\u3000c'.split()
'a-b-c'.partition('-') ¦ 'abc'.partition('-') ¦ 'a-b-c'.rpartition('-') ¦ 'abc'.rpartition('-') ¦ ' ab '.strip() ¦ 'xxaxx'.strip('x') ¦ 'xyaxy'.strip('yx') ¦ ' ab '.lstrip() ¦ ' ab '.rstrip() ¦ '\\u3000a\\x1f'.strip() ¦ 'a\\u200b'.strip() ¦ 'abc'.strip('') ¦ 'abc'.strip(none) ¦ 'abc'.strip(1)
'abc'.replace('b', 'X') ¦ 'aaa'.replace('a', 'b', 2) ¦ 'aaa'.replace('', '-') ¦ 'aaa'.replace('', '-', 2) ¦ 'aaa'.replace('a', 'b', -1) ¦ 'aaa'.replace('a', 'b', count=1) ¦ 'abc'.replace('b') ¦ 'abc'.replace('b', 1) ¦ 'abc'.find('c') ¦ 'abc'.find('z') ¦ 'abcabc'.find('a', 1) ¦ 'abcabc'.rfind('a') ¦ 'abcabc'.find('c', 0, 2) ¦ 'abc'.index('c') ¦ 'abc'.index('z') ¦ 'abcabc'.count('bc') ¦ 'aaaa'.count('aa') ¦ 'abc'.count('')
'abc'.startswith('a') ¦ 'abc'.startswith(('x', 'a')) ¦ 'abc'.startswith('b', 1) ¦ 'abc'.startswith(['a']) ¦ 'abc'.endswith('c') ¦ 'abc'.endswith(('x', 'bc')) ¦ 'abc'.endswith('') ¦ 'abc'.endswith('b', 0, 2) ¦ ''.startswith('') ¦ 'abc'.startswith(1)
'aBc dEf'.upper() ¦ 'aBc dEf'.lower() ¦ 'aBc dEf'.title() ¦ "they're o'neil 3rd x2y".title() ¦ 'aBC dEF'.capitalize() ¦ 'aBc'.swapcase() ¦ 'ß'.upper() ¦ 'İ'.lower() ¦ 'ǆ'.title() ¦ 'ΑΣ'.lower() ¦ 'ß'.casefold() ¦ 'ﬁ'.upper() ¦ 'ŉ'.upper() ¦ ''.title() ¦ 'éa'.capitalize() ¦ 'iI'.upper() ¦ 'iI'.lower()
'ab'.center(7, '*') ¦ 'ab'.center(6) ¦ 'abc'.center(6, '-') ¦ 'ab'.ljust(5, '.') ¦ 'ab'.rjust(5) ¦ 'ab'.center(1) ¦ '42'.zfill(5) ¦ '-42'.zfill(5) ¦ '+4'.zfill(4) ¦ 'ab'.zfill(4) ¦ 'ab'.ljust(5, 'xy') ¦ 'a\\tb'.expandtabs(4) ¦ 'a\\tb'.expandtabs() ¦ 'abc'.removeprefix('a') ¦ 'abc'.removesuffix('bc') ¦ 'abc'.removeprefix('x')
','.join(['a', 'b']) ¦ ','.join('abc') ¦ ','.join([1, 2]) ¦ ','.join({'a': 1, 'b': 2}) ¦ ''.join([]) ¦ ','.join(ss ¦ reverse) ¦ 'abc'.isalpha() ¦ 'ab1'.isalnum() ¦ '12'.isdigit() ¦ '²'.isdigit() ¦ '²'.isdecimal() ¦ '½'.isnumeric() ¦ ''.isdigit() ¦ ' \\t'.isspace() ¦ ''.isspace() ¦ 'AB1'.isupper() ¦ 'ab1'.islower() ¦ '1'.isupper() ¦ 'Ab Cd'.istitle() ¦ 'a_1'.isidentifier() ¦ '1a'.isidentifier() ¦ 'abc'.isascii() ¦ 'é'.isascii() ¦ '\\x00'.isprintable()
'abc'.nothing() ¦ 'abc'.upper(1) ¦ 'a'.join() ¦ 'a'.isalpha ¦ 'x'.format ¦ 'abc'.split(1) ¦ 'abc'.find(1) ¦ 'abc'.center('a')
[1, 2, 1].count(1) ¦ [1, 2].index(2) ¦ [1, 2].index(3) ¦ (1, 2, 1).count(1) ¦ (1, 2).index(2) ¦ [1, 2].copy() ¦ d.get('a') ¦ d.get('q') ¦ d.get('q', 5) ¦ d.get() ¦ d.keys()|list ¦ d.values()|list ¦ d.items()|list ¦ d.copy() ¦ d.items()|length ¦ d.keys()|sort ¦ d|length ¦ d|list ¦ d|first ¦ d|join(',') ¦ {}|first ¦ d.fromkeys(['x'], 1) ¦ d.get('a', default=3)
dict(a=1, b=2) ¦ dict({'a': 1}, b=2) ¦ dict([('a', 1), ('b', 2)]) ¦ dict() ¦ dict(d, a=9) ¦ dict(1) ¦ dict(**d) ¦ range(0)|list ¦ range(3, 0)|list ¦ range(3, 0, -1)|list ¦ range(1, 2, 0) ¦ range(1.5) ¦ range() ¦ range(2, 100, 40)|list ¦ range(100001) ¦ range(100000)|length
n if t else m ¦ n if f ¦ (n if f) is defined ¦ 1 if f else 2 if f else 3 ¦ 1 if (f if t else t) else 2 ¦ [1, 2][1 if t else 0] ¦ 'a' if 'x' in d else 'b' ¦ (1 if t) + 1 ¦ 1 + (2 if f else 3)
1.5.real ¦ 1.__add__(1) ¦ 'a'.upper().lower().title() ¦ [1, 2][0].x ¦ (s ~ s)[0:3] ¦ (1 + 2)|abs ¦ -1|abs ¦ (-1)|abs ¦ 2 * 3|string ¦ 1 + '2'|int ¦ not 'a'|upper ¦ n is odd and m is odd ¦ not n is odd ¦ n is not odd ¦ n is odd == true ¦ 1 is odd ~ 'x' ¦ n + 1 is even ¦ -1 is number ¦ 2 ** 2 is number ¦ n is divisibleby 7 ¦ n is divisibleby(7) ¦ n is divisibleby 3 + 4
1 is in [1, 2] ¦ 1 is not in [2] ¦ 1 is eq 1 ¦ 1 is == 1 ¦ n is none ¦ n is not none ¦ none is none ¦ n is missing_test ¦ n|missing_filter ¦ missing is missing_test ¦ true is true ¦ 1 is true ¦ true is sameas true ¦ 1 is sameas true ¦ n is sameas n ¦ 1.0 is sameas 1
a.b.c ¦ a[ ¦ a] ¦ (1 ¦ 1 + ¦ 'abc ¦ {{ ¦ 1 2 ¦ a b ¦ [1, 2 ¦ {'a' 1} ¦ {a: 1} ¦ 1 == ¦ == 1 ¦ not ¦ in ¦ is ¦ if ¦ else ¦ for ¦ x|y z ¦ x |  ¦ x. ¦ x..y ¦ .5 ¦ 5. ¦ 1__0 ¦ 0777 ¦ 00 ¦ 1e ¦ 1_ ¦ $ ¦ a ? b ¦ a && b ¦ a || b ¦ !a ¦ a = 1 ¦ a := 1 ¦ lambda: 1 ¦ [i for i in xs] ¦ *xs ¦ **d ¦ f'a' ¦ r'a' ¦ b'a' ¦ `a` ¦ @a ¦ a;b ¦ 0x ¦ 1.2.3 ¦ "a' ¦ '\\N{DASH}' ¦ '\\u12' ¦ a is ¦ a is not ¦ true() ¦ none.none ¦ self.x ¦ loop ¦ loop.index ¦ caller ¦ varargs ¦ super() ¦ _(1) ¦ _ ¦ gettext('a')
"""


FILTERS = """
abs: -5; 5.5; -0.0; true; 'a'; missing
attr('a'): d; people[0]; missing
batch(2)|list: xs; [1, 2, 3, 4]; []; 'abc'
batch(3, 'x')|list: xs; [1, 2, 3, 4]
capitalize: 'aBC d'; ''; 5; none; missing; 'éa'
center(7): 'ab'; ''; 5; 'abcdefghij'
default('x'): missing; none; ''; 0; 5; d.q; false; d.q.r
default('x', true): missing; none; ''; 0; 5; []; false
default(boolean=true, default_value=3): ''; 5
default: missing; none; 1
dictsort: d; {'b': 1, 'A': 2}; {}; {'a': 1, 1: 2}; xs; {2: 'b', 10: 'a'}
dictsort(true): {'b': 1, 'A': 2}
dictsort(by='value'): d; {'a': 'Z', 'b': 'y'}
dictsort(false, 'value', true): d
dictsort(by='neither'): d
escape: '<a href="x">\\'&'; 5; none; html
e: '<'; missing; html
filesizeformat: 0; 1; 999; 1000; 1234567; 1e12; '5000'; missing
filesizeformat(true): 1023; 1024; 1234567
first: xs; 'abc'; d; []; ''; missing; range(3); 5
float: '3.5'; 'x'; 5; ' 2 '; none; true; 'inf'; 'nan'; '1_0'; '1e3'; missing; []; '٣'
float(7): 'x'; []
float(default='z'): 'x'
forceescape: '<'; html
format(1, 'b'): '%s %s'; '%d|%s'; '%s'; 5
format(a=1, b=2): '%(a)s-%(b)s'
groupby('city'): people; []
groupby('age')|list: people
groupby('tags'): people
groupby('missing'): people
groupby('tags', default=[]): people
groupby(attribute='city', case_sensitive=true)|map('first')|list: people
indent: 'a\\nb\\n\\nc'; ''; 'a'; 5
indent(2, true): 'a\\nb\\n\\nc'
indent(2, blank=true): 'a\\nb\\n\\nc\\n'
indent(width=1, first=true, blank=true): 'a\\n\\nb'
indent('--'): 'a\\nb'
int: '42'; '4.7'; 4.7; -4.7; 'x'; ' 42 '; none; true; '0x1A'; '1_000'; missing; []; 1e20; '1e3'; '٣'; 'inf'; ''
int(5): 'x'; none
int(0, 16): '0x1A'; '1A'; 'z'
int(base=2): '101'; '0b11'; 7
int(default=-1, base=8): '17'; '9'
items|list: d; {}; missing; xs; none
join: xs; ss; 'abc'; d; []; missing; 5; mixed
join(', '): xs; ss; mixed; (1, 2)
join('-', attribute='name'): people
join('-', 'age'): people
join(1): ['a', 'b']
last: xs; 'abc'; []; missing; range(3); d
length: xs; 'abc'; d; 5; none; missing; u; range(7); ()
count: xs; ''
list: 'abc'; d; xs; range(3); missing; 5; (1, 2); none
lower: 'ABC É'; 5; none; missing; [1, 'A']
map('upper')|list: ss; 'abc'; []; [1, none]
map('int')|join(','): ['1', 'x', 2.7]
map('default', 'z')|list: [1, none, missing]
map(attribute='name')|list: people; [1]; []
map(attribute='tags', default='-')|list: people
map(attribute='tags')|list: people
map(attribute='tags.0', default='q')|list: people
map(attribute=0)|list: [[1, 2], [3]]
map(attribute='1')|list: [[1, 2], [3, 4]]
map('replace', 'a', 'b')|list: ['a', 'ba']
map('missing_filter')|list: [1]
map|list: xs
map('attr', 'name')|list: people
max: xs; ss; []; [1, 2.5, true]; [1, 'a']; 'abc'; missing; d
max(attribute='age'): people
max(true): ss
min: xs; ss; []; ['B', 'a']
min(case_sensitive=true): ['B', 'a']
min(attribute='name'): people
reject('odd')|list: xs
reject|list: mixed
rejectattr('tags')|list: [{'tags': []}, {'tags': [1]}, {}]
rejectattr('age', 'gt', 30)|map(attribute='name')|list: people
replace('l', 'L'): s; 5; none; ['l']
replace('l', 'L', 1): s
replace('', '-'): 'ab'
replace(1, 2): '1x'; 11
reverse: 'abc'; u; 5
reverse|list: xs; range(3); (1, 2); d
round: 2.5; 3.5; -2.5; 2; 'a'; 2.675; none; true; 1e20
round(2): 2.675; 1.005; 42.555; 3; 1e-7
round(1, 'ceil'): 42.55; -42.55; 2
round(1, 'floor'): 42.55; -42.55
round(-1): 42.5; 45; 1234.5
round(method='other'): 1
safe: '<b>'; 5
select('odd')|list: xs; []; ['a']
select|list: mixed; xs
select('in', [1, 3])|list: xs
select('missing_test')|list: xs
selectattr('tags')|list: [{'tags': []}, {'tags': [1]}, {}]
selectattr('name', 'equalto', 'Ann')|list: people
selectattr('role', '==', 'user')|first: messages
selectattr('role', 'in', ['user', 'tool'])|list|length: messages
selectattr('tool_calls', 'defined')|list|length: messages
selectattr('age', 'odd')|map(attribute='name')|join: people
selectattr|list: people
slice(2)|list: xs; [1, 2, 3, 4, 5]; []; 'abc'
slice(3, 'x')|list: xs; [1, 2, 3, 4]
slice(0)|list: xs
sort: xs; ss; [true, 0, 2.5]; ['b', 1]; 'hello'; d; []; [none]; [[2], [1, 5]]
sort(true): xs; ss
sort(case_sensitive=true): ss
sort(attribute='age')|map(attribute='name')|list: people
sort(attribute='age,name', reverse=true)|map(attribute='name')|list: people
sort(false, false, 'city')|map(attribute='city')|list: people
string: 5; 2.0; none; true; xs; d; missing; 'a'
sum: xs; []; [0.1, 0.2, 0.3]; ['a']; [[1], [2]]; missing
sum(start=10): xs; []
sum(attribute='age'): people
sum('age', 100): people
sum(start=[]): [[1], [2]]
title: 'hello wORLD'; "it's a-b (c) [d] x_y 3rd"; 5; none; ''
tojson: d; xs; 'é"\\n</script>'; none; true; 2.0; 1e16; missing; (1, 2); {1: 2, none: 3, true: 4, 2.5: 5}; u; range(2); 1e308 * 10; '\\x00\\x1f\\x7f\\u2028'; deep; [missing]; {(1, 2): 3}; '👩‍🚀'; []; {}; [[]]; {'a': {}}
tojson(indent=2): d; [1, [2, {'a': []}], {}]; []; 5; {'a': {'b': none}}
tojson(indent=0): [1, 2]
tojson(indent='--'): [1, {'a': 2}]
tojson(indent=none): [1]
tojson(true): 'é👩‍🚀'
tojson(ensure_ascii=true): {'é': '灯\\u2028'}; '\\x7f'
tojson(separators=(',', ':')): d; [1, {'a': [2, 3]}]
tojson(separators=(', ', ' = '), indent=1): d
tojson(separators=[',', ':'], sort_keys=true): d
tojson(sort_keys=true): {'b': 1, 'a': {'d': 1, 'c': 2}}; {'a': 1, 2: 3}; {10: 1, 9: 2}
tojson(indent=4, sort_keys=true, ensure_ascii=false): messages[2]; people[0]
tojson(other=1): 1
tojson|length: d
trim: '  a b \\n'; 5; none; '\\u3000a\\xa0'; ''
trim('xy'): 'xyaxyby'; 'x'
trim(chars='-'): '--a--'
truncate(5): 'abcdefghij'; 'abcdefghijklmnop'; 'hello big world'; ''; 5
truncate(9): 'hello big world of words'; 'foo bar baz qux'
truncate(9, true): 'foo bar baz qux'
truncate(11, false, '…'): 'foo bar baz qux'
truncate(9, leeway=0): 'foo bar baz'
truncate(2): 'foo bar baz'
truncate: 'x' * 300
unique|list: [1, 2, 1]; ['a', 'A', 'b']; 'abca'; []; [1, 1.0, true]; [[1], [1]]
unique(true)|list: ['a', 'A', 'a']
unique(attribute='age')|map(attribute='name')|list: people
upper: 'abc é'; 'ß'; 5; none; missing
urlencode: 'a b&c/é'; {'a': 1, 'b c': 'é'}; [('x', 1)]; 5; 'a+b=c?~_.-'
wordcount: 'a bc  d'; ''; 'é-b c_d 灯塔'; 5
xmlattr: {'a': 1, 'b': none, 'c': '<'}; {}
upper|lower|title: s
first|upper: ss
trim|length: w
map('trim')|join('|'): ['a ', ' b']
"""

TESTS = """boolean callable defined undefined none string number integer float mapping sequence iterable true false lower upper odd even escaped filter test
divisibleby(2) divisibleby(0) eq(1) equalto('a') ==(1) !=(1) ne(none) ge(1) gt(1) greaterthan(1) le(1) lt(1) lessthan(1) sameas(none) in([1,'a']) in('abc') >(0) >=(0) <(0) <=(0)""".split()
SUBJECTS = ["1", "2.0", "'a'", "'AB'", "none", "true", "missing", "[1]", "{}", "range(2)", "'upper'", "'odd'"]

STATEMENTS = r"""
{% for i in xs %}{{ i }}{% endfor %}
{% for i in [] %}x{% else %}none{% endfor %}
{% for i in xs if i > 1 %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% else %}e{% endfor %}
{% for i in xs if i > 9 %}x{% else %}e{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }}{{ d[k] }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for a, b in [1] %}{% endfor %}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}
{% for c in 'héy' %}[{{ c }}]{% endfor %}
{% for i in 5 %}{% endfor %}
{% for i in none %}{% endfor %}
{% for i in missing %}x{% else %}e{% endfor %}
{% for i in missing.x %}x{% endfor %}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for i in xs %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}
{% for i in xs %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% endfor %}
{% for i in xs %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for i in xs %}{{ loop.cycle() }}{% endfor %}
{% for i in [1, 1, 2, 2, 1] %}{{ loop.changed(i) }} {% endfor %}
{% for i in xs %}{{ loop.nothing }}{% endfor %}
{% for i in xs %}{% for j in ss %}{{ loop.index }}{{ loop.depth }}{% endfor %}{{ loop.index }}{{ loop.depth }};{% endfor %}
{% for i in xs %}{% set outer = loop %}{% for j in 'ab' %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{% for i in nested recursive %}{% if i is iterable %}({{ loop(i) }}){% else %}{{ i }}.{{ loop.depth }}{% endif %}{% endfor %}
{% for i in [[1, [2]], 3] recursive %}{{ loop.index }}{% if i is iterable %}<{{ loop(i) }}>{% endif %}{% endfor %}
{% for i in xs %}{{ loop(xs) }}{% endfor %}
{% for i in xs %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in xs %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{{ loop.index }}{% endfor %}
{% for i in xs %}{% for j in xs %}{% if j == 1 %}{% break %}{% endif %}{{ j }}{% endfor %}{{ i }};{% endfor %}
{% for i in xs %}{% break %}{% else %}never{% endfor %}
{% break %}
{% for i in xs %}x{% endfor %}{% continue %}
{% for i in xs %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{{ i }}{% for i in xs %}{% endfor %}{{ i }}
{% set i = 'o' %}{% for i in xs %}{{ i }}{% endfor %}{{ i }}
{% set a = 1 %}{% for i in xs %}{% set a = a + i %}{{ a }} {% endfor %}{{ a }}
{% for i in xs %}{% set b = i %}{% endfor %}{{ b }}
{% for i in xs %}{{ loop }}{% endfor %}
{{ loop }}
{% for loop in xs %}{{ loop }}{% endfor %}
{% for i in xs|sort %}{{ i }}{{ ',' if not loop.last }}{% endfor %}
{% for i in xs[::-1] %}{{ i }}{% endfor %}
{% for p in people if p.tags %}{{ p.name }}{% endfor %}
{% for p in people|selectattr('age', 'gt', 30) %}{{ p.name }}{{ loop.last }}{% endfor %}
{% for city, group in people|groupby('city') %}{{ city }}:{% for p in group %}{{ p.name }}{% endfor %} {% endfor %}
{% for g in people|groupby('city') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}
{% for i in (1, 2) %}{{ i }}{% endfor %}{% for i in 1, 2 %}{{ i }}{% endfor %}
{% for i in xs if loop.index %}{% endfor %}
{% for i in xs if i != x %}{{ i }}{% endfor %}
{% for i, in [(1,), (2,)] %}{{ i }}{% endfor %}
{% for d.a in xs %}{% endfor %}
{% for i in xs %}⏎{% endfor %}
{% for i xs %}{% endfor %}
{% if t %}a{% endif %}{% if f %}b{% endif %}
{% if f %}a{% elif t %}b{% else %}c{% endif %}
{% if f %}a{% elif f %}b{% elif none %}c{% else %}d{% endif %}
{% if missing %}a{% else %}b{% endif %}
{% if missing.x %}a{% endif %}
{% if xs and d and s %}all{% endif %}{% if not empty %}none{% endif %}
{% if t %}{% set v = 1 %}{% endif %}{{ v }}
{% if f %}{% set v = 1 %}{% endif %}{{ v is defined }}
{% if t %}a{% else if f %}b{% endif %}
{% if t %}a⏎{% endif %}
{% if %}a{% endif %}
{% else %}
{% if t %}a{% endfor %}
{% set a = 1 %}{{ a }}{% set a = a + 1 %}{{ a }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a, b = xs %}{{ a }}
{% set a, b = (1, 2) %}{% set a, b = b, a %}{{ a }}{{ b }}
{% set (a, b) = 'xy' %}{{ a ~ b }}
{% set a = 1, 2 %}{{ a }}
{% set a %}x{{ n }}y{% endset %}{{ a }}{{ a|length }}
{% set a | upper | replace('X', 'z') %}x{{ n }}y{% endset %}{{ a }}
{% set a = missing %}{{ a is defined }}{{ a }}
{% set a = none %}{{ a }}{{ a is none }}
{% set d.a = 1 %}
{% set xs[0] = 1 %}
{% set n %}{% endset %}[{{ n }}]
{% set ns = namespace(a=1, b=[]) %}{% set ns.a = 2 %}{% set ns.c = ns.a + 1 %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns.q }}{{ ns.q is defined }}
{% set ns = namespace({'a': 5}, b=6) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}
{% set ns = namespace(total=0) %}{% for i in xs %}{% set ns.total = ns.total + i %}{% endfor %}{{ ns.total }}
{% set ns = namespace() %}{% set ns.x %}block{% endset %}{{ ns.x }}
{% set ns = namespace(f=false) %}{% for i in xs if not ns.f %}{{ i }}{% set ns.f = true %}{% endfor %}
{% set ns = namespace(a=1) %}{% macro m() %}{% set ns.a = 9 %}{% endmacro %}{{ m() }}{{ ns.a }}
{% set missing.a = 1 %}
{% set none = 1 %}{{ none }}
{% set true = 1 %}
{% set loop = 5 %}{{ loop }}{% for i in xs %}{{ loop.index }}{% endfor %}{{ loop }}
{% macro m(a, b='x') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}
{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(none) }}
{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(q=1) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(a='x', b) %}{% endmacro %}
{% macro m(a) %}{% if a > 0 %}{{ a }}{{ m(a - 1) }}{% endif %}{% endmacro %}{{ m(3) }}
{% macro m() %}{{ n }}{{ missing }}{% endmacro %}{% set n = 5 %}{{ m() }}
{% set v = 1 %}{% macro m() %}{{ v }}{% endmacro %}{% set v = 2 %}{{ m() }}
{% for i in xs %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}{% set inner = 1 %}{% endmacro %}{{ m() }}{{ inner }}
{% macro m() %}  a  {% endmacro %}[{{ m()|trim }}]{{ m() ~ m() }}{{ m()|length }}
{{ m is defined }}{% macro m() %}x{% endmacro %}{{ m is callable }}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.caller }}
{{ m() }}{% macro m() %}x{% endmacro %}
{% macro m() %}{{ caller() }}|{{ caller() }}{% endmacro %}{% call m() %}c{{ n }}{% endcall %}
{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m(x) %}{{ x }}{{ caller is defined }}{% endmacro %}{% call m(1) %}{% endcall %}
{% macro m(x) %}{{ x }}{% endmacro %}{% call m(1) %}c{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}{% if caller %}{{ caller() }}{% else %}none{% endif %}{% endmacro %}{{ m() }}{% call m() %}x{% endcall %}
{% macro outer() %}<{{ caller() }}>{% endmacro %}{% macro inner() %}({{ caller() }}){% endmacro %}{% call outer() %}{% call inner() %}x{% endcall %}{% endcall %}
{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, *(5,)) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ [1, 2]|map('string')|join }}{{ m('<') }}
{% macro m() %}{{ loop }}{% endmacro %}{% for i in xs %}{{ m() }}{% endfor %}
{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}
{% if t %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}
{% macro render(m, depth=0) %}{% for k, v in m.items() %}{{ '  ' * depth }}{{ k }}: {% if v is mapping %}{{ '\n' }}{{ render(v, depth + 1) }}{% else %}{{ v }}{{ '\n' }}{% endif %}{% endfor %}{% endmacro %}{{ render(deep) }}
{% with a = 1 %}{{ a }}{% endwith %}{{ a }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}
{% with n = n + 1 %}{{ n }}{% with n = n * 2 %}{{ n }}{% endwith %}{{ n }}{% endwith %}{{ n }}
{% with a = 1, b = a %}{{ b }}{% endwith %}
{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}
{% filter upper %}a{{ s }}b{% endfilter %}
{% filter upper|replace('A', 'x') %}a{% for i in xs %}{{ i }}a{% endfor %}{% endfilter %}
{% filter trim %}  a  {% endfilter %}|
{% filter indent(2) %}a⏎b{% endfilter %}
{% filter missing_filter %}a{% endfilter %}
{% filter upper %}{% set a = 1 %}{% endfilter %}{{ a }}
{% raw %}{{ x }} {% if %} {# c #}{% endraw %}
{%- raw -%}  {{ x }}  {%- endraw -%}  z
{% raw %}⏎ a⏎{% endraw %}⏎b
{% raw %}{% raw %}{% endraw %}
{% raw %}
{% generation %}a{{ n }}{% endgeneration %}b
{% for m in messages %}{% generation %}{{ m.content }}{% set z = 1 %}{% endgeneration %}{{ z }}{% endfor %}
{%- generation -%}  x  {%- endgeneration -%}
{# comment #}a{# {{ x }} {% if %} #}b
a{#- c -#} b
a {# c⏎d #}
{# open
{{ raise_exception('refused: ' ~ n) }}
{% if f %}{{ raise_exception('never') }}{% endif %}fine
{{ raise_exception() }}
{{ raise_exception(5) }}
{{ raise_exception }}
{% do xs.append(1) %}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% from 'x' import y %}
{% block b %}a{{ n }}{% endblock %}
{% block b %}a{% endblock b %}{{ self.b() }}
{% trans %}a{% endtrans %}
{% debug %}
{% unknown %}
{% endif %}
{% %}
{{ }}
{{ n }
{{ n
{% if t
{{ n }} }} %} #}
{ { n } }
{{ '}}' }}{{ "{{" }}{{ '%}' }}
{{ {'a': {'b': 1}} }}
{{ {'a': {'b': 1}}}}
{{n}}{{-n}}{{ -n }}{{- n -}}
{{+n}}{{ n+}}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}
{% set j = joiner(', ') %}{% for i in xs %}{{ j() }}{{ i }}{% endfor %}
{{ range(3)|list }}{{ range }}
{{ dict }}
{{ namespace }}
{{ cycler is defined }}{{ strftime_now is defined }}{{ raise_exception is callable }}
{{ strftime_now('%%') }}
{{ ('<'|e) + '<' }}{{ '<'|e ~ '<' }}{{ '<' ~ ('>'|safe) }}{{ ('<'|e)|upper }}
{{ messages[0]['role'] if messages else 'none' }}{{ messages[-1].role }}{{ messages[1:]|length }}
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}{% endif %}{{ loop_messages|length }}{{ system }}
{% for m in messages %}{% if m.tool_calls is defined and m.tool_calls is not none %}{% for c in m.tool_calls %}{{ c.function|tojson }}{{ c.function.arguments|tojson(indent=2) }}{% endfor %}{% endif %}{% endfor %}
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + (message.content or '') + '<|im_end|>\n' }}{%- endfor %}
{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}
{% for m in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{{ index }}{{ m.role }}{% endfor %}
{% set content = messages[1].content.split('</think>')[-1].lstrip('\n') %}{{ content }}
{{ bos_token }}{{ eos_token is defined }}{% if tools %}{% endif %}{% if add_generation_prompt is defined and add_generation_prompt %}{% endif %}
{{ 'a'⏎ ~⏎ 'b' }}
{%⏎ if t⏎%}x{%⏎ endif⏎%}
{% set x = {⏎  'a': 1,⏎  'b': [1,⏎        2]⏎} %}{{ x }}
{{ "multi⏎line" }}
{{ d | tojson | upper }}{{ d|dictsort|first|last }}
{{ (xs | map('string') | list)[0] }}{{ xs|map('string')|first }}
{{ xs|first is odd }}{{ xs|length > 2 }}{{ not xs|length > 2 }}
{{ s.split(', ')|last|upper ~ '!' }}
{{ -xs|first }}{{ (-1)|abs }}{{ 2**3|string }}
{% set a = b = 1 %}
{% set a = 1 %}{% set b %}{{ a }}{% set a = 2 %}{{ a }}{% endset %}{{ a }}{{ b }}
{% set f = s.upper %}{{ f() }}
{% set g = d.get %}{{ g('a') }}{{ g('q', 1) }}
{% set r = range %}{{ r(2)|list }}
{{ [1, 2, 3] | map('multiply', 2) | list }}
{% if f %}{{ 1|missing_filter }}{% endif %}x
{% if f %}{{ 1 is missing_test }}{% endif %}x
{% if t %}{{ 1|missing_filter }}{% endif %}
{% if 1|missing_filter %}{% endif %}
{% if f %}x{% else %}{{ 1|missing_filter }}{% endif %}
{% if f %}{% for i in xs %}{{ i|missing_filter }}{% endfor %}{% endif %}x
{% for i in [] %}{{ i|missing_filter }}{% endfor %}x
{% if f %}{% set a = 1|missing_filter %}{% endif %}x
{% if f %}{% filter missing_filter %}a{% endfilter %}{% endif %}x
{{ 1|missing_filter if f else 2 }}{{ 2 if t else 1 is missing_test }}
{{ f and 1|missing_filter }}
{% macro m() %}{{ 1|missing_filter }}{% endmacro %}x
{% raw %}a
{% if 'a' is filter %}x{% endif %}{{ 5 is filter }}{{ 'upper' is filter }}{{ 'odd' is test }}
{{ xs|select('odd') is iterable }}{{ xs|map('abs')|length }}
{{ (xs|map('abs'))[0] }}
{{ xs|reverse|first }}{{ (xs|reverse)[0] }}
{{ (d.items())[0] }}
{{ d.keys()|first }}{{ d.keys() is iterable }}{{ d.keys() is sequence }}{{ d.items() is mapping }}{{ range(3) is sequence }}
"""  # ⏎ stands for a line feed

MARKS = ["", "-", "+"]
BODIES = ["a \n {B} \n b", "\n\n  {B}\n\n  x", "a{B}b", "  {B}  ", "a\n\t{B}\t\nb", "x\r\n  {B}\r\ny\r\n", "{B}\n", "\n{B}", "a\xa0\n\xa0{B}\u3000b", " {B}{B} \n{B}"]
BLOCKS = ["{%< if t >%}", "{%< set q = 1 >%}", "{{< n >}}", "{#< c >#}", "{%< for i in 'ab' >%} {{ i }}\n {%< endfor >%}", "{%< if t >%}\n y \n{%< endif >%}", "{%< raw >%} {{ z }}\n {%< endraw >%}"]


def whitespace():
    for block, body in product(BLOCKS, BODIES):
        for left, right in product(MARKS, MARKS):
            if "}}" in block and "+" in (left, right) and ">}}" in block or "raw" in block and right == "+":
                continue
            text = block.replace("<", left).replace(">", right)
            closing = "{% endif %}" if block == BLOCKS[0] else ""
            yield body.replace("{B}", text + closing if closing else text)


def areas():
    """The cases by name of the file that they are recorded in."""
    filters = []
    for line in FILTERS.strip().split("\n"):
        name, subjects = line.split(": ", 1)
        filters += [f"{{{{ ({subject}) | {name} }}}}" for subject in subjects.split("; ")]
    return {
        "operators": [f"{{{{ {a} {o} {b} }}}}" for o in OPERATORS for a in OPERANDS for b in OPERANDS],
        "values": [conversion.replace("VALUE", value) for value in VALUES for conversion in CONVERSIONS],
        "expressions": [f"{{{{ {expression} }}}}" for line in EXPRESSIONS.strip().split("\n") for expression in line.split(" ¦ ")],
        "filters": filters,
        "tests": [f"{{{{ {subject} is {test} }}}}" for test in TESTS for subject in SUBJECTS],
        "statements": [line.replace("⏎", "\n") for line in STATEMENTS.strip().split("\n")],
        "whitespace": list(whitespace()),
    }
