/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Supported and unsupported constructs of chat templates. */
class TemplateLanguageTest {

    private static final Message HI = Message.user("hi");

    @ParameterizedTest
    @ValueSource(strings = {"{% for m in messages %}", "{{ messages[ }}", "{% nonsense %}"})
    void aTemplateThatIsNoJinja(String jinja) {
        assertThatThrownBy(() -> new ChatTemplate(jinja, Map.of()).render(List.of(HI), false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("line 1 of the template");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% include 'pom.xml' %}",
                "{% import 'pom.xml' as x %}",
                "{% for a in range(900) %}{% for b in range(900) %}{% for c in range(900) %}"
                        + "0123456789012345678901234567890123456789{% endfor %}{% endfor %}{% endfor %}"
            })
    void aTemplateIsConfined(String jinja) {
        assertThatThrownBy(() -> new ChatTemplate(jinja, Map.of()).render(List.of(HI), false))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void javaObjectsAreOutOfReach() {
        String jinja = "{{ messages.getClass() }}{{ messages.class }}{{ ''.getClass() }}";
        try {
            assertThat(new ChatTemplate(jinja, Map.of()).render(List.of(HI), false)).isEmpty();
        } catch (IllegalArgumentException refused) {
            assertThat(refused).hasMessageContaining("template");
        }
    }

    /** Expected values by Jinja2 3.1 with the settings of transformers. */
    @ParameterizedTest
    @MethodSource("programs")
    void programsGiveWhatJinja2Gives(String jinja, String expected) {
        List<Message> messages = List.of(new Message("user", " <é>&\"' "), new Message("a", "b"));
        assertThat(
                        new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"))
                                .render(messages, true))
                .isEqualTo(expected);
    }

    static Stream<Arguments> programs() {
        return Stream.of(
                arguments(
                        "{{ messages[0] | tojson }}",
                        "{\"role\": \"user\", \"content\": \" <é>&\\\"' \"}"),
                arguments("{{ messages[0]['content'] | trim }}", "<é>&\"'"),
                arguments("{{ messages | length }}", "2"),
                arguments("{{ messages[1:][0].content }}", "b"),
                arguments("{{ messages[-1]['content'] }}", "b"),
                arguments("{{ messages[0].content }}", " <é>&\"' "),
                arguments("{{ loop is defined }},{{ messages is defined }}", "False,True"),
                arguments("{{ nothing }}{{ 'x' if nothing else 'y' }}", "y"),
                arguments("{{ 'a' + 'b' ~ 1 }}", "ab1"),
                arguments("{{ 7 % 3 == 1 and not false }}", "True"),
                arguments(
                        "{% for m in messages %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }};{% endfor %}",
                        "0TrueFalse;1FalseTrue;"),
                arguments(
                        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
                        "2"),
                arguments("{{ 'a\\nb\\\\' }}", "a\nb\\"),
                arguments("{# note #}\n  {% if true %}\n  x\n  {% endif %}\ny\n", "  x\ny"),
                arguments("{{ strftime_now('%%') }}", "%"),
                arguments("{{ messages[0]['content'].strip() }}", "<é>&\"'"),
                arguments("{{ messages[0]['content'].split('&')[0] }}", " <é>"),
                arguments("{{ 'x' in 'xyz' }}{{ 'user' in ['user', 'a'] }}", "TrueTrue"),
                arguments(
                        "{%- if messages[0]['role'] == 'user' -%}  a  {%- else -%} b {%- endif -%}  c",
                        "ac"),
                arguments(
                        "{% if messages[0].content is string and messages[0].name is not defined %}ok{% endif %}",
                        "ok"),
                arguments("{% set x %}block{% endset %}{{ x }}", "block"),
                arguments("{% macro f(a) %}[{{ a }}]{% endmacro %}{{ f('z') }}", "[z]"),
                arguments("{{ messages | map(attribute='role') | join(', ') }}", "user, a"),
                arguments(
                        "{{ (messages | selectattr('role', 'equalto', 'a') | list)[0].content }}",
                        "b"),
                arguments(
                        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}",
                        "b"),
                arguments("{{ '%s-%d' | format('a', 3) }}", "a-3"),
                arguments(
                        "{{ {'a': 1, 'b': [true, none]} | tojson }}",
                        "{\"a\": 1, \"b\": [true, null]}"),
                arguments("{{ messages[0]['content'] | replace('&', '+') }}", " <é>+\"' "),
                arguments("{{ messages[0].items() | list | length }}", "2"));
    }
}
