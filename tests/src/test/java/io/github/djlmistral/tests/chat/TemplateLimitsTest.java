/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.zoo.chat.jinja.Template;
import io.github.djlmistral.zoo.chat.jinja.TemplateException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** No template takes more than its share of time, memory or stack. */
class TemplateLimitsTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'x' * 10**9 }}",
                "{{ [1] * 10**9 }}",
                "{{ 'x' | center(1500000000) }}",
                "{{ 'x'.ljust(1500000000) }}",
                "{{ 'x'.zfill(1500000000) }}",
                "{{ '\\t'.expandtabs(1500000000) }}",
                "{{ 'x' | indent(1500000000, true) }}",
                "{{ [1] | tojson(indent=1500000000) }}",
                "{{ [1] | batch(1500000000, 1) | list }}",
                "{{ [1] | slice(1500000000) | list }}",
                "{{ '%1500000000d' % 1 }}",
                "{{ '%*d' % (1500000000, 1) }}",
                "{{ '%.1500000000f' % 1 }}",
                "{{ '{:999999999}'.format('x') }}",
                "{{ '{:.999999999f}'.format(1.5) }}",
                "{{ range(10**9) }}",
                "{{ range(10**18, 10**19) }}",
                "{{ 10 ** (10 ** 10) }}",
                "{% set n = namespace(x=3) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
                "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
                "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
                "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x.replace('a', 'aa') %}{% endfor %}",
                // small values whose text is huge
                "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
                "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' * 99 }}{% endfor %}{% endfor %}",
                "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
                "{% for i in range(99999) %}{% set a = 1.2345678901234567e-300 | string %}{% endfor %}",
                "{% for i in range(99999) %}{% set a = 2 ** 65000 / 3 ** 40000 %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{% for i in range(99999) %}{% if 'b' in a %}{% endif %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{{ a.find('a' * 500000 ~ 'b') }}",
                // operations that scan a long string, each allocating little
                "{% set a = '\ud83e\udd8a' * 500000 %}{% for i in range(99999) %}{% set b = a[499999] %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{% for i in range(99999) %}{% set b = a.find('b', 0, 999999) %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{% set b = a ~ 'b' %}{% for i in range(99999) %}{% set c = b.startswith(a) %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{% set b = a ~ 'b' %}{% for i in range(99999) %}{% set c = a.removesuffix('b' ~ a[1:]) %}{% endfor %}",
                "{% set a = 'a' * 1000000 %}{% for i in range(99999) %}{% set b = a.count('') %}{% endfor %}"
            })
    void hugeValuesAndLongLoopsEndInAnError(String source) {
        Template template = Template.parse(source);
        assertThatThrownBy(() -> template.render(Map.of()))
                .isInstanceOf(TemplateException.class)
                .hasMessageMatching("line 1 of the template: .{10,120}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% macro f(a) %}{{ f([a]) }}{% endmacro %}{{ f(1) }}",
                "{% for a in [[]] recursive %}{{ loop([[]]) }}{% endfor %}",
                "{% set n = namespace() %}{% set n.n = n %}{{ n }}",
                "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
                "{% set n = namespace(x=()) %}{% for i in range(9999) %}{% set n.x = (n.x,) %}{% endfor %}{{ {n.x: 1} }}",
                "{% set n = namespace(x=[], y=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}"
                        + "{% endfor %}{{ n.x == n.y }}"
            })
    void endlessRecursionEndsInAnError(String source) {
        Template template = Template.parse(source);
        assertThatThrownBy(() -> template.render(Map.of()))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("nest");
    }

    static Stream<String> deepSources() {
        return Stream.of(
                "{{ " + "(".repeat(50_000) + "1" + ")".repeat(50_000) + " }}",
                "{{ " + "[".repeat(50_000) + "]".repeat(50_000) + " }}",
                "{{ " + "-".repeat(50_000) + "1 }}",
                "{{ " + "not ".repeat(50_000) + "1 }}",
                "{{ 1" + " + 1".repeat(50_000) + " }}",
                "{{ a" + ".a".repeat(50_000) + " }}",
                "{{ a" + "|upper".repeat(50_000) + " }}",
                "{{ 1" + " if 1 else 1".repeat(50_000) + " }}",
                "{% if 1 %}".repeat(50_000),
                "{% for a in a %}".repeat(50_000));
    }

    @ParameterizedTest
    @MethodSource("deepSources")
    void deeplyNestedSourcesAreRefused(String source) {
        assertThatThrownBy(() -> Template.parse(source))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("nested");
    }

    @Test
    void thousandsOfNamesAreRefused() {
        StringBuilder source = new StringBuilder("{% block b scoped %}{% endblock %}");
        for (int i = 0; i < 45_000; i++) {
            source.append("{% set x").append(i).append(" = 1 %}");
        }
        assertThatThrownBy(() -> Template.parse(source.toString()))
                .isInstanceOf(TemplateException.class)
                .hasMessage("the template has more than 5000 names");
    }

    @Test
    void aThreadWithASmallStackSuffices() throws InterruptedException {
        String nested = "(".repeat(60) + "1" + ")".repeat(60);
        Throwable[] failure = new Throwable[1];
        Thread thread =
                new Thread(
                        null,
                        () -> {
                            assertThat(Template.parse("{{ " + nested + " }}").render(Map.of()))
                                    .isEqualTo("1");
                            assertThatThrownBy(
                                            () ->
                                                    Template.parse(
                                                                    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")
                                                            .render(Map.of()))
                                    .isInstanceOf(TemplateException.class);
                        },
                        "small stack",
                        512 << 10);
        thread.setUncaughtExceptionHandler((t, e) -> failure[0] = e);
        thread.start();
        thread.join();
        assertThat(failure[0]).isNull();
    }

    @Test
    void anInterruptEndsARendering() {
        Template template =
                Template.parse(
                        "{% for a in range(99999) %}{% for b in range(99) %}{% endfor %}{% endfor %}");
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> template.render(Map.of()))
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("interrupted");
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void growingLettersTakeLinearTime() {
        String source =
                "{{ ('ß' * 2000000) | upper | length }},{{ ('İ' * 2000000) | lower | length }}";
        assertThat(Template.parse(source).render(Map.of())).isEqualTo("4000000,4000000");
    }

    @Test
    void longConversationsAreWithinTheLimits() {
        // 4 million characters, each copied several times
        List<Map<String, String>> messages =
                Collections.nCopies(
                        1000, Map.of("role", "user", "content", " " + "word ".repeat(800)));
        Template template =
                Template.parse(
                        "{% for m in messages %}{% set c = m.content | trim %}"
                                + "{{ m.role + ': ' + c.replace('w', 'W') }}\n{% endfor %}");
        assertThat(template.render(Map.of("messages", messages))).hasSizeGreaterThan(4_000_000);
    }
}
