/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.openai.ApiException;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Tokens, texts and prompts, in the JSON of llama-server. */
final class TextEndpoints {

    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
    private static final Pattern BYTE = Pattern.compile("<0x([0-9A-F]{2})>");
    private static final int ASCII = 0x80;

    private static final String GENERATION_PROMPT = "add_generation_prompt";

    private final MistralTokenizer tokenizer;
    private final Optional<ChatTemplate> template;

    TextEndpoints(MistralTokenizer tokenizer, @Nullable MistralPipeline pipeline) {
        this.tokenizer = tokenizer;
        template = Optional.ofNullable(pipeline).flatMap(MistralPipeline::chatTemplate);
    }

    void addTo(Router router) {
        router.post("/tokenize", this::tokenize);
        router.post("/detokenize", this::detokenize);
        router.post("/apply-template", this::applyTemplate);
    }

    private void tokenize(Call call) throws IOException {
        Map<String, @Nullable Object> request =
                request(call, Set.of("content", "add_special", "parse_special", "with_pieces"));
        if (!(request.get("content") instanceof String text)) {
            throw invalid("content", "a string");
        }
        boolean addSpecial = flag(request, "add_special", false);
        long[] ids =
                flag(request, "parse_special", true)
                        ? tokenizer.encode(text, addSpecial)
                        : tokenizer.encodePlain(text, addSpecial);
        List<Object> tokens = new ArrayList<>();
        boolean pieces = flag(request, "with_pieces", false);
        for (long id : ids) {
            tokens.add(pieces ? Map.of("id", id, "piece", piece(tokenizer.token(id))) : id);
        }
        call.sendJson(200, GSON.toJson(Map.of("tokens", tokens)));
    }

    /** Returns the text of a token, or a list of its bytes if that is no text. */
    private static Object piece(String token) {
        Matcher matcher = BYTE.matcher(token);
        if (!matcher.matches()) {
            return token.replace('\u2581', ' ');
        }
        int value = Integer.parseInt(matcher.group(1), 16);
        return value < ASCII ? Character.toString(value) : List.of(value);
    }

    private void detokenize(Call call) throws IOException {
        if (!(request(call, Set.of("tokens")).get("tokens") instanceof List<?> list)
                || !list.stream().allMatch(Long.class::isInstance)) {
            throw invalid("tokens", "a list of integers");
        }
        long[] ids = list.stream().mapToLong(id -> (Long) id).toArray();
        String text = tokenizer.decode(ids, false);
        call.sendJson(200, GSON.toJson(Map.of("content", text)));
    }

    private void applyTemplate(Call call) throws IOException {
        Map<String, @Nullable Object> request = request(call, ConversationJson.keys());
        Conversation conversation = ConversationJson.conversation(request);
        if (!request.containsKey(GENERATION_PROMPT)) {
            conversation = conversation.withGenerationPrompt(conversation.continuedField() == null);
        }
        ChatTemplate found =
                template.orElseThrow(() -> Refusal.of(400, "the model has no chat template"));
        call.sendJson(200, GSON.toJson(Map.of("prompt", found.render(conversation))));
    }

    private static Map<String, @Nullable Object> request(Call call, Set<String> known)
            throws IOException {
        Map<String, @Nullable Object> request =
                new LinkedHashMap<>(ConversationJson.object(call.body()));
        request.values().removeIf(Objects::isNull);
        Set<String> unknown = new TreeSet<>(request.keySet());
        unknown.removeAll(known);
        if (!unknown.isEmpty()) {
            throw Refusal.of(
                    400, "unknown keys " + unknown + "; known are " + new TreeSet<>(known));
        }
        return request;
    }

    private static boolean flag(
            Map<String, @Nullable Object> request, String name, boolean otherwise) {
        Object value = request.getOrDefault(name, otherwise);
        if (value instanceof Boolean flag) {
            return flag;
        }
        throw invalid(name, "true or false");
    }

    private static ApiException invalid(String name, String expected) {
        return Refusal.invalid(name, "\"" + name + "\" must be " + expected);
    }
}
