/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.ToNumberPolicy;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.jinja.Template;
import io.github.djlmistral.zoo.chat.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Templates render as in jinja2 with the environment of transformers. Recorded by {@code
 * tests/reference/jinja.py}: chosen cases by area, and random expressions and templates.
 */
class JinjaReferenceTest {

    private static final Gson GSON =
            new GsonBuilder().setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE).create();

    /** What {@code raise_exception} raises in Python; its message is the template's. */
    private static final String RAISED = "TemplateError: ";

    /** A template and its text, or the error that jinja2 raises. */
    record Case(String source, @Nullable String text, @Nullable String error) {}

    /** A file. */
    record Recorded(Map<String, Object> variables, List<Case> cases) {}

    @ParameterizedTest
    @ValueSource(
            strings = {
                "operators",
                "values",
                "expressions",
                "filters",
                "tests",
                "statements",
                "whitespace",
                "random"
            })
    void equalsJinja2(String area) throws IOException {
        Recorded recorded =
                GSON.fromJson(
                        Files.readString(ReferenceTokenizers.path("jinja/" + area + ".json")),
                        Recorded.class);
        assertThat(recorded.cases()).hasSizeGreaterThan(100);
        List<String> differences = new ArrayList<>();
        for (Case c : recorded.cases()) {
            String text = null;
            String error = null;
            try {
                text = Template.parse(c.source()).render(recorded.variables());
            } catch (TemplateException e) {
                error = e.getMessage();
            }
            if (c.text() != null ? !c.text().equals(text) : error == null || !matches(c, error)) {
                differences.add(
                        "%nsource %s%njinja2 %s%nours   %s"
                                .formatted(
                                        GSON.toJson(c.source()),
                                        c.text() != null ? GSON.toJson(c.text()) : c.error(),
                                        text != null ? GSON.toJson(text) : error));
            }
        }
        assertThat(differences).isEmpty();
    }

    private static boolean matches(Case c, String error) {
        return c.error() == null
                || !c.error().startsWith(RAISED)
                || error.startsWith(c.error().substring(RAISED.length()));
    }
}
