/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.sun.net.httpserver.HttpServer;
import io.github.djlmistral.tests.page.ScriptedServer.LiveAnswer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.Keys;

/** How the chat page shows the Markdown of an answer. */
class PageMarkdownTest {

    private static Browser browser;
    private static ScriptedServer server;

    /** Without the content security policy: what does not run here does so for its own reason. */
    @BeforeAll
    static void start() throws IOException {
        browser = Browser.start();
        server = new ScriptedServer(false);
        browser.open(server.uri());
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.close();
            server.close();
        }
    }

    static Stream<Arguments> elements() {
        return Stream.of(
                arguments("a *b* c", "<p>a <em>b</em> c</p>"),
                arguments("**a _b_ c**", "<p><strong>a <em>b</em> c</strong></p>"),
                arguments("***a***", "<p><em><strong>a</strong></em></p>"),
                arguments("*a **b** c*", "<p><em>a <strong>b</strong> c</em></p>"),
                arguments("~~a~~", "<p><del>a</del></p>"),
                arguments("2 * 3 * 4, snake_case_name", "<p>2 * 3 * 4, snake_case_name</p>"),
                arguments("**open `*a*`", "<p>**open <code>*a*</code></p>"),
                arguments("`` a ` b ``", "<p><code>a ` b</code></p>"),
                arguments("\\*a\\* &lt; &#65; &no;", "<p>*a* &lt; A &amp;no;</p>"),
                arguments("a\nb<br>c  \nd", "<p>a<br>b<br>c<br>d</p>"),
                arguments("# a\n### b\n# c", "<h3>a</h3><h4>b</h4><h3>c</h3>"),
                arguments("a\n\n---\n***", "<p>a</p><hr><hr>"),
                arguments(
                        "- a\n  - b\n- c",
                        "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ul>"),
                arguments(
                        "3. a\n   - b\n\n4. c",
                        "<ol start=\"3\"><li><p>a</p><ul><li><p>b</p></li></ul></li>"
                                + "<li><p>c</p></li></ol>"),
                arguments("* [ ] a\n* [x] b", "<ul><li><p>☐ a</p></li><li><p>☑ b</p></li></ul>"),
                arguments(
                        "> a\n> > b\n\nc",
                        "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"
                                + "<p>c</p>"));
    }

    @ParameterizedTest
    @MethodSource("elements")
    void isShownAs(String markdown, String html) {
        assertThat(rendered(markdown)).isEqualTo(html);
    }

    @Test
    void codeIsShownAsItIsAndCanBeCopied() {
        ask("```java\nif (a < b) {\n    **c**();\n}\n```");
        browser.untilText(".assistant:last-child pre", "if (a < b) {\n    **c**();\n}");
        assertThat(browser.text(".assistant:last-child figcaption")).isEqualTo("java");
        browser.click(".assistant:last-child [aria-label='Copy code']");
        browser.shown("[aria-label=Copied]");
        browser.click("#input");
        browser.press(Keys.chord(Keys.CONTROL, "v"));
        assertThat(browser.run("return document.getElementById('input').value"))
                .isEqualTo("if (a < b) {\n    **c**();\n}");
        browser.fill("#input", "");
    }

    @Test
    void aTableHasItsAlignment() {
        assertThat(rendered("| a | b |\n|---|--:|\n| `x|y` | *2* |\n| \\| |"))
                .contains(
                        "<thead><tr><th scope=\"col\">a</th>"
                                + "<th class=\"right\" scope=\"col\">b</th></tr></thead>"
                                + "<tbody><tr><td><code>x|y</code></td>"
                                + "<td class=\"right\"><em>2</em></td></tr>"
                                + "<tr><td>|</td><td class=\"right\"></td></tr></tbody>");
    }

    static Stream<Arguments> links() {
        return Stream.of(
                arguments("[a](https://b.org/c_(d) \"e\")", "https://b.org/c_(d)", "a"),
                arguments("See https://b.org/c.", "https://b.org/c", "https://b.org/c"),
                arguments("<mailto:a@b.org>", "mailto:a@b.org", "a@b.org"),
                arguments("![a cat](https://b.org/cat.png)", "https://b.org/cat.png", "a cat"),
                arguments("![](https://b.org/)", "https://b.org/", "https://b.org/"),
                arguments("[https://a.org](https://b.org/)", "https://b.org/", "https://a.org"));
    }

    @ParameterizedTest
    @MethodSource("links")
    void linksLeadAwayWithoutTellingFromWhere(String markdown, String address, String text) {
        assertThat(rendered(markdown))
                .contains(
                        "<a href=\"%s\" rel=\"noopener noreferrer\" target=\"_blank\">%s</a>"
                                .formatted(address, text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[a](javascript:alert(1))",
                "[a](JaVaScRiPt:alert(1))",
                "[a](javascript&#58;alert(1))",
                "[a](java&#10;script:alert(1))",
                "[a](<java\tscript:alert(1)>)",
                "[a](&#1;javascript:alert(1))",
                "[a](data:text/html,<script>alert(1)</script>)",
                "[a](vbscript:a)",
                "[a](file:///etc/passwd)",
                "[a](/v1/models)",
                "[a](//b.org)",
                "<javascript:alert(1)>",
                "![a](data:image/svg+xml,<svg/onload=alert(1)>)",
            })
    void otherAddressesAreNoLinks(String markdown) {
        assertThat(rendered(markdown)).doesNotContain("href", "src");
    }

    @Test
    void nothingOfAnAnswerRunsOrIsLoaded() throws IOException {
        AtomicInteger foreignRequests = new AtomicInteger();
        HttpServer foreign =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        foreign.createContext(
                "/",
                exchange -> {
                    foreignRequests.incrementAndGet();
                    exchange.close();
                });
        foreign.start();
        String host = "http://127.0.0.1:" + foreign.getAddress().getPort();
        String hostile =
                """
                <script>window.ran = 1</script><script src="%1$s/a.js"></script>
                <img src=x onerror="window.ran = 2"><svg onload="window.ran = 3"></svg>
                <iframe src="%1$s/b"></iframe><link rel=stylesheet href="%1$s/c.css">
                <style>@import "%1$s/d.css"; * { display: none }</style>
                <body onload=alert(4)><details open ontoggle=alert(5)>
                &lt;script&gt;window.ran = 6&lt;/script&gt;
                ![pixel](%1$s/e.png) ![pixel](//127.0.0.1/e.png)
                [click](javascript:window.ran=7) <a href="javascript:window.ran=8">click</a>
                ```"><script>window.ran = 9</script>
                </code></pre><script>window.ran = 10</script>
                ```
                | <script>window.ran = 11</script> | `</td><img src=x onerror=alert(12)>` |
                |---|---|
                | <img src=x onerror=alert(13)> | <base href="%1$s/"> |

                The end."""
                        .formatted(host);
        try {
            LiveAnswer answer = server.live();
            browser.shown("#input").sendKeys("<img src=x onerror=alert(14)>", Keys.ENTER);
            // Each piece is shown as if it were the last one.
            hostile.chars().forEach(c -> answer.say(Character.toString(c)));
            answer.end("stop", 1);
            browser.untilText(".assistant:last-child > .text > p:last-child", "The end.");
            assertThat(browser.elements("#messages :is(script, img, iframe, link, style, base)"))
                    .isEmpty();
            assertThat(browser.elements("#messages details, #messages [onload]")).isEmpty();
            assertThat(browser.elements("#messages a:not([href^='http'])")).isEmpty();
            assertThat(browser.run("return window.ran ?? 0")).isEqualTo(0L);
            assertThat(foreignRequests).hasValue(0);
            assertThat(browser.log()).isEmpty();
        } finally {
            foreign.stop(0);
        }
    }

    /**
     * Texts on which a search that begins again and again takes minutes, or a tree too deep to
     * draw.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "*",
                "**a ",
                "*a **b ",
                "a* ",
                "_a",
                "~~a",
                "[",
                "[a](",
                "![",
                "](",
                "`",
                "`` ` ",
                "> ",
                "- ",
                "1. ",
                "|",
                "a|",
                "a|b\n-|-\n",
                "<",
                "&#",
                "\\",
                "#",
                " # ",
                " ",
                "\n",
                "https://",
                "h",
                "[a](b \"",
                "- a\n  ",
                "***a** ",
                "*a** b*** "
            })
    void anyTextIsShownSoon(String part) {
        String text = part.repeat(50_000 / part.length());
        assertThat(rendered(text + "\n\nThe end of it.")).contains("The end of it.");
    }

    private void ask(String answer) {
        server.answer(answer);
        browser.shown("#input").sendKeys("?", Keys.ENTER);
    }

    /** Returns what the page makes of a text, as HTML. */
    private static String rendered(String markdown) {
        return browser.run(
                        """
                        const { renderer } = await import("./markdown.js");
                        const target = document.createElement("div");
                        renderer(target)(arguments[0]);
                        document.getElementById("empty").append(target);
                        target.getBoundingClientRect();
                        target.remove();
                        return target.innerHTML;""",
                        markdown)
                .toString();
    }
}
