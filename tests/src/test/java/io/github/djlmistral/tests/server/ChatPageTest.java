/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.server.ScriptedServer.LiveAnswer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;

/** A conversation on the chat page of {@code mistral serve}, in a browser. */
class ChatPageTest extends PageFixture {

    @BeforeEach
    void open() {
        browser.open(server.uri());
    }

    @Test
    void anAnswerAppearsWhileItIsGenerated() {
        LiveAnswer answer = server.live();
        ask("Who are you?");
        answer.say("I am **a ");
        browser.untilText(".assistant .text", "I am **a");
        answer.say("model**.");
        browser.untilText(".assistant .text strong", "a model");
        assertThat(browser.text("#announcer")).doesNotContain("model"); // not word by word
        answer.end("stop", 7);
        browser.until(() -> browser.text(".facts").contains("7 tokens"));
        assertThat(browser.text(".facts")).matches("7 tokens · [\\d.]+ tokens/s");
        browser.until(() -> browser.text("#announcer").contains("I am a model."));
        assertThat(server.requests())
                .containsExactly(
                        json(
                                """
                                {"model": "m", "messages": [{"role": "user", "content": "Who are you?"}],
                                 "stream": true, "stream_options": {"include_usage": true}}"""));
        assertThat(browser.log()).isEmpty();
    }

    @Test
    void escapeStopsAnAnswerAndKeepsWhatHadCome() {
        LiveAnswer answer = server.live();
        ask("Count.");
        answer.say("one, two");
        browser.untilText(".assistant .text", "one, two");
        browser.press(Keys.ESCAPE);
        browser.untilText(".facts", "Stopped");
        browser.until(
                () -> {
                    answer.say(", three"); // the server notices when it writes
                    return answer.isLeft();
                });
        assertThat(browser.text(".assistant .text")).isEqualTo("one, two");

        server.answer("three");
        ask("Go on.");
        browser.until(() -> browser.texts(".assistant .text").contains("three"));
        assertThat(messages(1))
                .containsExactly("user: Count.", "assistant: one, two", "user: Go on.");
    }

    @Test
    void theButtonStopsAnAnswer() {
        LiveAnswer answer = server.live();
        ask("Count.");
        answer.say("one");
        browser.untilText(".assistant .text", "one");
        browser.click("#send[aria-label=Stop]");
        browser.untilText(".facts", "Stopped");
        browser.shown("#send[aria-label=Send]");
    }

    @Test
    void aBrokenConnectionKeepsTheAnswerAndOffersToTryAgain() {
        LiveAnswer answer = server.live();
        ask("Count.");
        answer.say("one");
        answer.cut();
        browser.shown(".error");
        assertThat(browser.text(".error")).startsWith("The connection broke");
        assertThat(browser.text(".assistant .text")).isEqualTo("one");

        server.answer("one, two, three");
        browser.click(".error button");
        browser.untilText(".assistant .text", "one, two, three");
        assertThat(browser.isShown(".error")).isFalse();
        assertThat(messages(1)).containsExactly("user: Count.");
    }

    @Test
    void aRefusalSaysWhatToDo() {
        server.refuse(429, "Too many requests wait.");
        ask("Hello");
        browser.until(
                () ->
                        browser.text(".error p")
                                .equals(
                                        "Too many requests wait. The server is busy. Try again in 7"
                                                + " seconds."));

        // What was not answered is asked together with the next question.
        server.answer("Hello!");
        ask("Anybody?");
        browser.until(() -> browser.texts(".assistant .text").contains("Hello!"));
        assertThat(messages(1)).containsExactly("user: Hello\n\nAnybody?");
    }

    @Test
    void aServerThatIsGoneIsToldApart() {
        server.close();
        ask("Hello");
        browser.shown(".error");
        assertThat(browser.text(".error")).contains("mistral serve is running");
    }

    @Test
    void anApiKeyLastsAsLongAsTheTab() {
        server.refuse(401, "An API key is needed.");
        ask("Hello");
        browser.click(".error .quiet");
        browser.fill("#key", "secret", Keys.ENTER);
        browser.until(() -> !browser.isShown("#settings"));
        server.answer("Hi");
        browser.click(".error .main");
        browser.untilText(".assistant .text", "Hi");
        assertThat(server.authorizations()).containsExactly("", "Bearer secret");
        assertThat(browser.run("return JSON.stringify(localStorage)").toString())
                .contains("Hello")
                .doesNotContain("secret");
        assertThat(browser.run("return sessionStorage.length")).isEqualTo(1L);
    }

    @Test
    void anEditedQuestionIsAskedAgain() {
        converse("one", "1");
        converse("two", "2");
        server.answer("3");
        browser.click("#messages > :nth-child(3) [aria-label='Edit message']");
        browser.fill(".editing textarea", "three", Keys.ENTER);
        browser.until(
                () -> browser.texts("#messages .text").equals(List.of("one", "1", "three", "3")));
        assertThat(messages(2)).containsExactly("user: one", "assistant: 1", "user: three");

        // Without the messages behind it, which can be had back.
        server.answer("4");
        browser.click("#messages > :nth-child(1) [aria-label='Edit message']");
        browser.fill(".editing textarea", "four", Keys.ENTER);
        browser.until(() -> browser.texts("#messages .text").equals(List.of("four", "4")));
        assertThat(messages(3)).containsExactly("user: four");
        browser.click("#notice-action");
        assertThat(browser.texts("#messages .text")).containsExactly("one", "1", "three", "3");
    }

    @Test
    void anAnswerIsRegenerated() {
        converse("one", "1");
        server.answer("uno");
        browser.click("[aria-label='Regenerate answer']");
        browser.until(() -> browser.texts("#messages .text").equals(List.of("one", "uno")));
        assertThat(messages(1)).containsExactly("user: one");
    }

    @Test
    void aMessageIsDeletedWithItsAnswer() {
        converse("one", "1");
        converse("two", "2");
        browser.click("#messages > :nth-child(1) [aria-label='Delete message and answer']");
        assertThat(browser.texts("#messages .text")).containsExactly("two", "2");
        browser.click("#notice-action");
        assertThat(browser.texts("#messages .text")).containsExactly("one", "1", "two", "2");
    }

    @Test
    void settingsAreOfTheConversation() {
        browser.click("#open-settings");
        browser.fill("#system", "Answer in French.");
        browser.fill("#temperature", "0.5");
        browser.fill("#top_p", "0.9");
        browser.fill("#max_tokens", "20");
        browser.fill("#seed", "3");
        browser.click("#settings button[value=save]");
        converse("one", "un");
        JsonObject request = server.requests().get(0);
        assertThat(messages(0)).containsExactly("system: Answer in French.", "user: one");
        assertThat(request.get("temperature").getAsDouble()).isEqualTo(0.5);
        assertThat(request.get("top_p").getAsDouble()).isEqualTo(0.9);
        assertThat(request.get("max_completion_tokens").getAsInt()).isEqualTo(20);
        assertThat(request.get("seed").getAsInt()).isEqualTo(3);

        browser.click("#new");
        converse("two", "2");
        assertThat(server.requests().get(1).keySet())
                .containsExactlyInAnyOrder("model", "messages", "stream", "stream_options");
    }

    @Test
    void conversationsAreKept() {
        converse("one", "1");
        browser.click("#new");
        converse("two", "2");
        browser.open(server.uri());
        assertThat(browser.texts("#messages .text")).containsExactly("two", "2");
        assertThat(titles()).containsExactly("two", "one");

        browser.click("#conversations li:nth-child(2) .open");
        assertThat(browser.texts("#messages .text")).containsExactly("one", "1");
        browser.click("#conversations li:nth-child(2) [aria-label^=Rename]");
        browser.press(Keys.chord(Keys.CONTROL, "a"), "Numbers", Keys.ENTER);
        assertThat(titles()).containsExactly("two", "Numbers");
        assertThat(browser.text("h1")).isEqualTo("Numbers");

        browser.click("#conversations li:nth-child(1) [aria-label^=Delete]");
        browser.open(server.uri());
        assertThat(titles()).containsExactly("Numbers");
    }

    @Test
    void anAnswerThatIsBeingGeneratedGoesOnInTheBackground() {
        LiveAnswer first = server.live();
        ask("one");
        first.say("1");
        browser.untilText(".assistant .text", "1");
        browser.click("#new");
        converse("two", "2");
        first.say("!");
        first.end("length", 2);
        browser.click("#conversations li:nth-child(2) .open");
        browser.untilText(".assistant .text", "1!");
        browser.until(() -> browser.text(".facts").startsWith("Reached max tokens · 2 tokens"));
    }

    @Test
    void aConversationCanBeDeletedWhileItIsAnswered() {
        LiveAnswer answer = server.live();
        ask("one");
        answer.say("1");
        browser.untilText(".assistant .text", "1");
        browser.click("#conversations [aria-label^=Delete]");
        browser.until(
                () -> {
                    answer.say("1");
                    return answer.isLeft();
                });
        browser.open(server.uri());
        assertThat(titles()).isEmpty();
    }

    @Test
    void conversationsAreExportedAndImported(@TempDir Path directory) throws IOException {
        converse("one", "1");
        Object exported =
                browser.run(
                        """
                        let blob;
                        const create = URL.createObjectURL;
                        URL.createObjectURL = (made) => create(blob = made);
                        document.getElementById("export").click();
                        URL.createObjectURL = create;
                        return blob.text();""");
        Path file = directory.resolve("conversations.json");
        Files.writeString(file, exported.toString());

        browser.run("localStorage.clear()");
        browser.open(server.uri());
        assertThat(titles()).isEmpty();
        browser.elements("#import-file").get(0).sendKeys(file.toString());
        browser.untilText("#notice-text", "1 conversation was imported.");
        browser.click("#conversations .open");
        assertThat(browser.texts("#messages .text")).containsExactly("one", "1");

        Files.writeString(file, exported.toString().replace("\"assistant\"", "\"root\""));
        browser.elements("#import-file").get(0).sendKeys(file.toString());
        browser.until(() -> browser.text("#notice-text").contains("Nothing was imported"));
        assertThat(titles()).containsExactly("one");
    }

    @Test
    void worksWithTheKeyboardAlone() {
        assertThat(browser.isFocused("#input")).isTrue();
        server.answer("A *B*");
        browser.press("a", Keys.chord(Keys.SHIFT, Keys.ENTER), "b", Keys.ENTER);
        browser.untilText(".assistant .text", "A B");
        assertThat(messages(0)).containsExactly("user: a\nb");
        assertThat(browser.isFocused("#input")).isTrue();

        browser.press(Keys.ARROW_UP);
        assertThat(browser.isFocused(".editing textarea")).isTrue();
        browser.press(Keys.ESCAPE);
        assertThat(browser.isFocused("[aria-label='Edit message']")).isTrue();

        browser.press(Keys.chord(Keys.CONTROL, "/"));
        browser.shown("#keys");
        browser.press(Keys.ESCAPE);
        browser.until(() -> !browser.isShown("#keys"));
        browser.press(Keys.chord(Keys.CONTROL, Keys.SHIFT, "o"));
        browser.shown("#empty");
        assertThat(browser.isFocused("#input")).isTrue();
    }

    @Test
    void aThemeIsKept() {
        browser.prefer("light");
        String light = background();
        browser.click("#theme");
        String dark = background();
        assertThat(dark).isNotEqualTo(light);
        browser.open(server.uri());
        assertThat(background()).isEqualTo(dark);
        browser.click("#theme");
        assertThat(background()).isEqualTo(light);
    }

    private static String background() {
        return browser.run("return getComputedStyle(document.body).backgroundColor").toString();
    }

    private static void ask(String question) {
        browser.shown("#input").sendKeys(question, Keys.ENTER);
    }

    private void converse(String question, String answer) {
        server.answer(answer);
        ask(question);
        browser.until(
                () ->
                        browser.texts(".assistant .text").contains(answer)
                                && browser.isShown("#send[aria-label=Send]"));
    }

    private static List<String> titles() {
        return browser.texts("#conversations .open");
    }

    private List<String> messages(int request) {
        return server.requests().get(request).getAsJsonArray("messages").asList().stream()
                .map(message -> message.getAsJsonObject().asMap())
                .map(ChatPageTest::line)
                .toList();
    }

    private static String line(Map<String, JsonElement> message) {
        return message.get("role").getAsString() + ": " + message.get("content").getAsString();
    }

    private static JsonObject json(String text) {
        return JsonParser.parseString(text).getAsJsonObject();
    }
}
