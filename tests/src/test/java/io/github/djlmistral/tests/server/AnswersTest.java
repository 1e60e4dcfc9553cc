/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the paths answer. */
@Timeout(60)
class AnswersTest {

    private static final String TEXT = "Fox & \\\"h\u00f8n\\\"\\n";

    private static Served served;

    @BeforeAll
    static void start() throws IOException {
        served = new Served().start();
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    private static JsonObject ask(String path, String body) {
        HttpResponse<String> response = served.send(served.post(path, body));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/json");
        return Served.json(response);
    }

    private static String content(JsonObject answer) {
        return answer.getAsJsonArray("choices")
                .get(0)
                .getAsJsonObject()
                .getAsJsonObject("message")
                .get("content")
                .getAsString();
    }

    @Test
    void chatIsThatOfTheApi() {
        OpenAi api = new OpenAi("other", served.pipeline, served.pipeline.defaults());
        try (ApiAnswer answer = api.chatCompletions(Served.CHAT)) {
            JsonObject expected = JsonParser.parseString(answer.body()).getAsJsonObject();
            JsonObject actual = ask("/v1/chat/completions", Served.CHAT);
            assertThat(content(actual)).isEqualTo(content(expected)).isNotEmpty();
            assertThat(actual.get("usage")).isEqualTo(expected.get("usage"));
            assertThat(actual.get("model").getAsString()).isEqualTo(Served.NAME);
        }
    }

    /** Returns the data of the events, and checks their form. */
    private static List<String> events(String path, String body) {
        HttpResponse<String> response = served.send(served.post(path, body));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream");
        assertThat(response.headers().firstValue("Cache-Control")).hasValue("no-cache");
        assertThat(response.body()).endsWith("\n\n");
        return Arrays.stream(response.body().split("\n\n"))
                .filter(event -> !event.equals(":")) // while the machine is busy
                .map(event -> event.replaceFirst("^event: [a-z._]+\n", ""))
                .peek(event -> assertThat(event).startsWith("data: ").doesNotContain("\n"))
                .map(event -> event.substring("data: ".length()))
                .toList();
    }

    @Test
    void streamedChat() {
        List<String> events = events("/v1/chat/completions", Served.QUESTION + ",\"stream\":true}");
        assertThat(events.get(events.size() - 1)).isEqualTo("[DONE]");
        String text =
                events.subList(0, events.size() - 1).stream()
                        .map(event -> JsonParser.parseString(event).getAsJsonObject())
                        .map(chunk -> chunk.getAsJsonArray("choices").get(0).getAsJsonObject())
                        .map(choice -> choice.getAsJsonObject("delta").get("content"))
                        .filter(piece -> piece != null)
                        .map(JsonElement::getAsString)
                        .collect(Collectors.joining());
        assertThat(text).isEqualTo(content(ask("/v1/chat/completions", Served.CHAT)));
    }

    @Test
    void otherEndpointsOfOpenAi() {
        JsonObject completion = ask("/v1/completions", "{\"prompt\":\"A fox\",\"max_tokens\":3}");
        assertThat(completion.get("object").getAsString()).isEqualTo("text_completion");
        JsonObject response = ask("/v1/responses", "{\"input\":\"What is a fox?\"}");
        assertThat(response.get("object").getAsString()).isEqualTo("response");
        List<String> events =
                events("/v1/responses", "{\"input\":\"What is a fox?\",\"stream\":true}");
        assertThat(events.get(0)).contains("response.created");
        assertThat(events.get(events.size() - 1)).contains("response.completed");
        JsonObject embedding = ask("/v1/embeddings", "{\"input\":[\"a fox\",\"a sea\"]}");
        assertThat(embedding.getAsJsonArray("data")).hasSize(2);
    }

    @Test
    void models() {
        JsonObject models = Served.json(served.send(served.request("/v1/models")));
        JsonElement model = models.getAsJsonArray("data").get(0);
        assertThat(Served.json(served.send(served.request("/v1/models/" + Served.NAME))))
                .isEqualTo(model);
        assertThat(Served.json(served.send(served.request("/v1/models/t%69ny")))).isEqualTo(model);
    }

    private static long[] ids(JsonArray tokens) {
        return tokens.asList().stream().mapToLong(JsonElement::getAsLong).toArray();
    }

    @Test
    void tokensAreThoseOfTheTokenizer() {
        MistralTokenizer tokenizer = served.pipeline.tokenizer();
        String text = "Fox & \"h\u00f8n\"\n";
        JsonObject plain = ask("/tokenize", "{\"content\":\"" + TEXT + "\"}");
        assertThat(ids(plain.getAsJsonArray("tokens"))).isEqualTo(tokenizer.encode(text, false));
        JsonObject special = ask("/tokenize", "{\"content\":\"</s>\",\"add_special\":true}");
        assertThat(ids(special.getAsJsonArray("tokens"))).isEqualTo(tokenizer.encode("</s>", true));
        JsonObject spelled = ask("/tokenize", "{\"content\":\"</s>\",\"parse_special\":false}");
        assertThat(ids(spelled.getAsJsonArray("tokens")))
                .isEqualTo(tokenizer.encodePlain("</s>", false));
        JsonObject back = ask("/detokenize", plain.toString());
        assertThat(back.get("content").getAsString()).isEqualTo(text);
    }

    @Test
    void piecesOfTokensAreTextsOrBytes() {
        JsonObject answer = ask("/tokenize", "{\"content\":\"" + TEXT + "\",\"with_pieces\":true}");
        JsonArray pieces = new JsonArray();
        answer.getAsJsonArray("tokens")
                .forEach(token -> pieces.add(token.getAsJsonObject().get("piece")));
        assertThat(pieces.toString()).contains("[195],[184]"); // ø in UTF-8
        assertThat(pieces.get(pieces.size() - 1).getAsString()).isEqualTo("\n");
    }

    @Test
    void promptIsThatOfTheTemplate() {
        String expected =
                served.pipeline
                        .chatTemplate()
                        .orElseThrow()
                        .render(List.of(Message.user("What is a lighthouse?")), true);
        assertThat(ask("/apply-template", Served.CHAT).get("prompt").getAsString())
                .isEqualTo(expected);
    }

    @Test
    void accessLogHasNoContents() {
        ask("/v1/chat/completions?secret=" + "s3cret", Served.CHAT);
        served.await("http_requests_processing", 0);
        assertThat(served.log.toString().lines())
                .anyMatch(
                        line ->
                                line.matches(
                                        "\\S+Z POST /v1/chat/completions 200 \\d+ \\d+ \\d+\\+\\d+"));
        assertThat(served.log.toString()).doesNotContain("lighthouse", "tower", "s3cret");
    }

    /** Whatever the page and its scripts load is there, and comes from this server. */
    @Test
    void chatPage() {
        Pattern link = Pattern.compile("(?:from |import |href=|src=)\"(?!#|data:)([^\"]+)\"");
        Set<String> seen = new HashSet<>();
        Deque<String> left = new ArrayDeque<>(List.of("/"));
        while (!left.isEmpty()) {
            String path = left.pop();
            if (!seen.add(path)) {
                continue;
            }
            HttpResponse<String> response = served.send(served.request(path));
            assertThat(response.statusCode()).as(path).isEqualTo(200);
            assertThat(response.headers().firstValue("Content-Security-Policy").orElseThrow())
                    .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'");
            assertThat(response.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
            assertThat(response.headers().firstValue("Referrer-Policy")).hasValue("no-referrer");
            Matcher matcher = link.matcher(response.body());
            while (matcher.find()) {
                assertThat(matcher.group(1)).as(path).matches("(\\./)?[a-z.-]+");
                left.push("/" + matcher.group(1).replaceFirst("^\\./", ""));
            }
        }
        assertThat(seen).contains("/page.js", "/page.css").hasSizeGreaterThan(5);
    }

    @Test
    void nothingElseOfTheClassPathIsRead() {
        for (String path :
                List.of("/ModelServer.class", "/page/index.html", "/..%2fChatPage.class")) {
            assertThat(served.send(served.request(path)).statusCode()).as(path).isEqualTo(404);
        }
    }
}
