/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;

/** The chat page as the server sends it, with the embedded model. */
class ServedPageTest {

    private Browser browser;
    private final Served served = new Served();

    @BeforeEach
    void start() throws IOException {
        browser = Browser.start();
        served.keys = List.of("secret");
        served.start();
    }

    @AfterEach
    void stop() {
        if (browser != null) {
            browser.close();
            served.close();
        }
    }

    @Test
    void theModelAnswers() {
        browser.load(served.uri("/"));
        browser.click("#notice-action");
        browser.fill("#key", "secret", Keys.ENTER);
        browser.untilText("#model", Served.NAME);
        assertThat(browser.log()).allMatch(line -> line.contains("401 (Unauthorized)"));

        ask("What is a lighthouse?");
        browser.until(() -> browser.text(".facts").contains("tokens"));
        assertThat(browser.text(".assistant .text"))
                .isEqualTo("a tower with a light that gives warning of shoals to passing ships");

        browser.click("#open-settings");
        browser.fill("#max_tokens", "2", Keys.ENTER);
        browser.until(() -> !browser.isShown("#settings"));
        ask("What is a fox?");
        browser.until(() -> browser.text(".assistant:last-child .facts").startsWith("Reached"));
        assertThat(browser.text(".assistant:last-child .facts")).contains(" 2 tokens");
        assertThat(browser.log()).isEmpty();
    }

    private void ask(String question) {
        browser.shown("#input").sendKeys(question, Keys.ENTER);
    }
}
