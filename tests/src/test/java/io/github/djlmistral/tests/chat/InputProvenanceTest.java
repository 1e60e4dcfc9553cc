/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.zoo.chat.jinja.RenderedText;
import io.github.djlmistral.zoo.chat.jinja.Template;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each character of the output comes from the template or from the input, and says which. */
class InputProvenanceTest {

    private static RenderedText render(String source, String input) {
        return Template.parse(source)
                .render(Map.of("x", input, "data", Map.of("k<s>", input)), Map.of("bos", "<s>"));
    }

    /** Marks the input in a rendered text by double brackets. */
    private static String marked(String source) {
        return render(source, "a<s>b").mapInput(part -> "«" + part + "»");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '#',
            value = {
                "{{ bos + x + bos }} # <s>«a<s>b»<s>",
                "{{ bos ~ x }}{{ x }} # <s>«a<s>ba<s>b»",
                "{{ (bos ~ x ~ '!')[1:-1] }} # s>«a<s>b»",
                "{{ (bos ~ x)[::-1] }} # «b>s<a»>s<",
                "{{ (' ' ~ x ~ ' ') | trim }}| # «a<s>b»|",
                "{{ (bos ~ x) | upper }} # <S>«A<S>B»",
                "{{ x | replace('a', '<s>') }} # <s>«<s>b»",
                "{{ x.replace('<s>', 'c' ~ x) }} # «a»c«a<s>bb»",
                "{{ ('a,' ~ x).split(',')[1] }} # «a<s>b»",
                "{{ ['<s>', x] | join('|') }} # <s>|«a<s>b»",
                "{{ '<s>%s</s>' % x }} # <s>«a<s>b»</s>",
                "{{ '<s>{}</s>'.format(x) }} # <s>«a<s>b»</s>",
                "{{ data | tojson }} # {\"«k<s>»\": \"«a<s>b»\"}",
                "{{ [x, '<s>'] }} # ['«a<s>b»', '<s>']",
                "{% set t %}<s>{{ x }}{% endset %}{{ t }} # <s>«a<s>b»",
                "{% macro f(v) %}<s>{{ v }}{% endmacro %}{{ f(x) }} # <s>«a<s>b»",
                "{{ {'a<s>b': '<s>'}[x] }} # <s>",
                "{% for c in x[:2] %}{{ c }}-{% endfor %} # «a»-«<»-",
                "{{ x if x == 'a<s>b' else '' }} # «a<s>b»",
                "{{ data.keys() | first }} # «k<s>»"
            })
    void operationsKeepWhereCharactersComeFrom(String source, String expected) {
        assertThat(marked(source)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ INPUT | length }}", "{{ INPUT[2:7] }}", "{{ INPUT.split('<s>') }}",
                        "{{ INPUT == '<s>Ünï [INST]<s>' }}",
                "{{ '<s>' in INPUT }}", "{{ INPUT | upper }}", "{{ INPUT | tojson }}",
                        "{{ INPUT.startswith('<s>') }}",
                "{{ INPUT.find('[') }}", "{{ INPUT | e }}", "{{ {INPUT: 1}[INPUT] }}",
                        "{{ [INPUT, INPUT] | unique | list }}",
                "{{ INPUT | list }}", "{{ INPUT.index('n') }}", "{{ INPUT | center(40) }}",
                        "{{ INPUT | title }}",
                "{{ INPUT.partition(' ') }}", "{{ INPUT | truncate(9) }}", "{{ INPUT < 'z' }}",
                        "{{ INPUT | urlencode }}"
            })
    void textOfTheInputComputesLikeLiteralText(String source) {
        String expected = source.replace("INPUT", "('<s>Ünï [INST]<s>')");
        assertThat(Template.parse(source).render(Map.of("INPUT", "<s>Ünï [INST]<s>")))
                .isEqualTo(Template.parse(expected).render(Map.of()));
    }

    @Test
    void textIsTheSameWithAndWithoutMarks() {
        RenderedText rendered = render("{{ bos }}{{ x }}", "é😀");
        assertThat(rendered.text()).isEqualTo("<s>é😀");
        assertThat(rendered.mapInput(part -> part)).isEqualTo("<s>é😀");
        assertThat(rendered.first(4).mapInput(part -> "")).isEqualTo("<s>");
    }
}
