/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/**
 * A browser for all tests of a class, and a server for each of them: it is another origin, for
 * which the browser stores nothing yet.
 */
abstract class PageFixture {

    static Browser browser;
    ScriptedServer server;

    @BeforeAll
    static void start() {
        browser = Browser.start();
    }

    @AfterAll
    static void quit() {
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void listen() throws IOException {
        server = new ScriptedServer();
    }

    @AfterEach
    void close() {
        server.close();
    }
}
