/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.djlmistral.zoo.chat.jinja.Template;
import io.github.djlmistral.zoo.chat.jinja.TemplateException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors of templates name their cause and line; those that parsing can find, it finds. */
class TemplateErrorsTest {

    private static TemplateException opening(String source) {
        return catchThrowableOfType(TemplateException.class, () -> Template.parse(source));
    }

    private static TemplateException rendering(String source) {
        Template template = Template.parse(source);
        return catchThrowableOfType(
                TemplateException.class,
                () -> template.render(Map.of("n", 1, "list", List.of(1, 2))));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ n | shout }} # filter named 'shout'",
                "{% set x | shout %}{% endset %} # filter named 'shout'",
                "{% for m in list %}{{ m | shout }}{% endfor %} # filter named 'shout'",
                "{{ n is loud }} # test named 'loud'",
                "{% do n %} # unknown tag 'do'",
                "{% if n %}{% endfor %} # 'if'",
                "{% include 'a' %} # 'include' is not supported",
                "{% import 'a' as b %} # 'import' is not supported",
                "{% from 'a' import b %} # 'from' is not supported",
                "{% extends 'a' %} # 'extends' is not supported",
                "{% autoescape true %}{% endautoescape %} # 'autoescape' is not supported",
                "{% break %} # 'break' outside loop",
                "{% for a in list %}{% macro f() %}{% continue %}{% endmacro %}{% endfor %} # outside loop",
                "{% for a in list %} # 'for' needs 'endfor' or 'else'",
                "{% set 1 = 2 %} # can't assign",
                "{% macro f(a, a) %}{% endmacro %} # duplicate argument 'a'",
                "{% macro f(a=1, b) %}{% endmacro %} # non-default argument",
                "{{ n # unexpected end of template",
                "{{ (n] }} # unexpected ']', expected ')'",
                "{{ 'a }} # unexpected char",
                "{{ n ? 1 }} # unexpected char '?'",
                "{{ f(a=1, a=2) }} # invalid syntax",
                "{{ n is string is number }} # chain"
            })
    void aTemplateThatCannotBeUsedIsRefusedWhenItIsOpened(String source, String cause) {
        TemplateException e = opening("first line\n" + source);
        assertThat(e).hasMessageContaining(cause).hasMessageContaining("line 2");
        assertThat(e.line()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ n | pprint }} # filter 'pprint'",
                "{{ n | string | striptags | upper }} # filter 'striptags'",
                "{% if false %}{{ n | urlize }}{% endif %} # filter 'urlize'",
                "{{ (n | wordwrap(5)) if false else '' }} # filter 'wordwrap'",
                "{% filter wordwrap %}{% endfilter %} # filter 'wordwrap'",
                "{% macro f() %}{{ lipsum() }}{% endmacro %} # function 'lipsum'",
                "{% if false %}{{ n.encode('utf-8') }}{% endif %} # method 'encode'",
                "{{ 'a'.translate({}) }} # method 'translate'",
                "{{ n.to_bytes(2) }} # method 'to_bytes'"
            })
    void unsupportedConstructsAreRejectedOnOpen(String source, String name) {
        TemplateException e = opening("first line\n" + source);
        assertThat(e).hasMessage("line 2 of the template: the " + name + " is not supported");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro lipsum() %}a{% endmacro %}{{ lipsum() }}",
                "{% set lipsum = 'a' %}{{ lipsum }}",
                "{{ {'encode': 'a'}.encode }}"
            })
    void namesOfTheTemplateItselfAreSupported(String source) {
        assertThat(Template.parse(source).render(Map.of())).isEqualTo("a");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% if false %}{{ n | shout }}{% endif %}",
                "{{ n | shout if false else '' }}",
                "{% if n %}{% else %}{% set x = n is loud %}{% endif %}"
            })
    void anUnknownFilterUnderAConditionFailsWhereItIsEvaluated(String source) {
        assertThatCode(() -> Template.parse(source).render(Map.of("n", 1)))
                .doesNotThrowAnyException();
        assertThat(rendering("{% if true %}\n{{ n | shout }}{% endif %}"))
                .hasMessageContaining("line 2")
                .hasMessageContaining("No filter named 'shout'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ nothing.name }} # 'nothing' is undefined",
                "{{ n.a.b }} # 'int object' has no attribute 'a'",
                "{{ nothing + 1 }} # 'nothing' is undefined",
                "{{ nothing() }} # 'nothing' is undefined",
                "{{ n + 'a' }} # unsupported operand type(s) for +: 'int' and 'str'",
                "{{ n < 'a' }} # '<' not supported between instances of 'int' and 'str'",
                "{{ n() }} # 'int' object is not callable",
                "{{ n | length }} # object of type 'int' has no len()",
                "{{ list.append(3) }} # access to attribute 'append' of 'list' object is unsafe",
                "{{ ''.__class__.mro }} # access to attribute '__class__' of 'str' object is unsafe",
                "{% for a, b in list %}{% endfor %} # 'int' object is not iterable",
                "{% set n.a = 1 %} # cannot assign attribute on non-namespace object",
                "{% macro f() %}{% endmacro %}{{ f(1) }} # takes not more than 0 argument(s)",
                "{{ 'a'.center() }} # missing required argument",
                "{{ 1 / 0 }} # division by zero",
                "{{ strftime_now('%Q') }} # does not support %Q",
                "{{ range(100001) }} # Range too big"
            })
    void anErrorOfEvaluationNamesItsLine(String source, String cause) {
        TemplateException e = rendering("{{ n }}\n\n" + source);
        assertThat(e).hasMessageContaining(cause).hasMessageContaining("line 3");
        assertThat(e.line()).isEqualTo(3);
    }

    @Test
    void raisedExceptionHasTheTemplatesMessage() {
        TemplateException e = rendering("a\n{{ raise_exception('roles must alternate') }}");
        assertThat(e).hasMessage("roles must alternate");
        assertThat(e.line()).isEqualTo(2);
    }
}
