/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The recorded records of {@code tests/reference/training_data.py}, and the tokenizers for them.
 */
final class TrainingRecords implements AutoCloseable {

    /** {@code vocab_size} of the small tokenizer. */
    static final int VOCABULARY = 500;

    private static final JsonObject RECORDED = recorded();

    private final Map<String, MistralTokenizer> tokenizers = new HashMap<>();

    private static JsonObject recorded() {
        try {
            Path file = ReferenceTokenizers.path("training/data.json");
            return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<JsonObject> cases(String name) {
        return RECORDED.getAsJsonArray(name).asList().stream()
                .map(JsonElement::getAsJsonObject)
                .toList();
    }

    static long[] ids(JsonElement list) {
        return list.getAsJsonArray().asList().stream().mapToLong(JsonElement::getAsLong).toArray();
    }

    static Map<String, @Nullable Object> fields(JsonElement record) {
        return ConversationJson.object(record.toString());
    }

    /** The tokenizer and the template of a case. */
    TrainingTokenizer tokenizer(JsonObject c) {
        JsonElement template = c.get("template");
        return tokenizer(
                c.get("tokenizer").getAsString(),
                template == null || template.isJsonNull() ? null : template.getAsString());
    }

    /** One of the small tokenizers, with a template of {@code reference/chat}. */
    TrainingTokenizer tokenizer(String behaviour, @Nullable String template) {
        try {
            if (!tokenizers.containsKey(behaviour)) {
                Path directory = ReferenceTokenizers.path("tokenizer/small/" + behaviour);
                tokenizers.put(behaviour, MistralTokenizer.open(directory));
            }
            return new TrainingTokenizer(
                    tokenizers.get(behaviour),
                    template == null ? null : template(template),
                    VOCABULARY);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ChatTemplate template(String name) throws IOException {
        String jinja = Files.readString(ReferenceTokenizers.path("chat/" + name + ".jinja"));
        return new ChatTemplate(jinja, Map.of("bos_token", "<s>", "eos_token", "</s>"));
    }

    @Override
    public void close() {
        tokenizers.values().forEach(MistralTokenizer::close);
    }
}
