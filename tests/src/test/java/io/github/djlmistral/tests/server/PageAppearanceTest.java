/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.Keys;

/**
 * The chat page in both colour schemes and on a phone: accessible, and not wider than the screen.
 */
class PageAppearanceTest extends PageFixture {

    private static final String ANSWER =
            """
            # A heading

            ### Another one
            A [link](https://djl.ai), `code`, a https://example.org/%1$s and %1$s.
            ```java
            String text = "%1$s";
            ```
            | A | table | with | columns | of | `%1$s` |
            |---|:-:|--:|---|---|---|
            | 1 | 2 | 3 | 4 | 5 | 6 |

            > - A quoted list
            >   1. of lists
            """
                    .formatted("long".repeat(40));

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void isAccessible(String scheme) {
        browser.prefer(scheme);
        browser.open(server.uri());
        assertThat(browser.violations()).as("empty").isEmpty();
        converse();
        server.refuse(401, "An API key is needed.");
        browser.shown("#input").sendKeys("Another question", Keys.ENTER);
        browser.shown(".error");
        browser.click("#conversations [aria-label^=Delete]");
        browser.click("#notice-action");
        browser.click("#messages > :nth-child(1) [aria-label='Delete message and answer']");
        browser.shown("#notice");
        browser.click("#notice-action");
        assertThat(browser.violations()).as("conversation").isEmpty();
        browser.click("[aria-label='Edit message']");
        browser.click("#conversations [aria-label^=Rename]");
        assertThat(browser.violations()).as("editing").isEmpty();
        browser.press(Keys.ESCAPE);
        browser.click("#open-settings");
        assertThat(browser.violations()).as("settings").isEmpty();
        browser.press(Keys.ESCAPE);
        browser.click("#open-keys");
        assertThat(browser.violations()).as("shortcuts").isEmpty();
    }

    @Test
    void fitsAPhone() {
        browser.open(server.uri(), 320, 640);
        assertThat(browser.isShown("#sidebar")).isFalse();
        converse();
        server.refuse(500, "wide".repeat(100));
        browser.shown("#input").sendKeys("wide".repeat(100), Keys.ENTER);
        browser.shown(".error");
        assertNothingIsWider();
        assertThat(browser.violations()).isEmpty();

        browser.click("#open-sidebar");
        browser.shown("#conversations .open");
        assertThat(browser.isFocused("#new")).isTrue();
        assertThat(browser.violations()).isEmpty();
        browser.press(Keys.ESCAPE);
        browser.until(() -> !browser.isShown("#sidebar"));
        assertThat(browser.isFocused("#open-sidebar")).isTrue();

        browser.click("#open-settings");
        assertNothingIsWider();
        assertThat(browser.violations()).isEmpty();
    }

    /** What scrolls by itself, such as code, may be wider inside. */
    private static void assertNothingIsWider() {
        Object wider =
                browser.run(
                        """
                        return [document.documentElement, ...document.querySelectorAll("*")]
                          .filter((element) => element.getBoundingClientRect().right > innerWidth)
                          .filter((element) => !element.closest(".scroll > *, .unseen"))
                          .map((element) => element.outerHTML)
                          .concat(innerWidth === 320 ? [] : innerWidth)""");
        assertThat((List<?>) wider).isEmpty();
    }

    private void converse() {
        server.answer(ANSWER);
        browser.shown("#input").sendKeys("A question", Keys.ENTER);
        browser.until(() -> browser.text(".facts").contains("2 tokens"));
    }
}
