/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request to {@code /v1/embeddings}. */
final class EmbeddingRequest {

    private static final int MOST_TEXTS = 2048;
    private static final String FORMAT = "encoding_format";

    private final @Nullable String model;
    private final List<PromptFields.Prompt> texts;
    private final boolean base64;

    private EmbeddingRequest(Fields fields) {
        model = fields.string("model");
        Object format = fields.peek(FORMAT);
        fields.only(FORMAT, "float", "base64");
        base64 = "base64".equals(format);
        texts = PromptFields.take(fields, "input", MOST_TEXTS);
        fields.refuse("dimensions");
        fields.ignoreStrings("user");
        fields.end();
    }

    static EmbeddingRequest parse(Fields fields) {
        return new EmbeddingRequest(fields);
    }

    /** Returns the name of the model; null for the only one. */
    @Nullable String model() {
        return model;
    }

    /**
     * Embeds the texts.
     *
     * @param name the name of the model
     * @param embeddings the model
     */
    JsonObject answer(String name, EmbeddingModel embeddings) {
        List<long[]> ids = new ArrayList<>();
        for (PromptFields.Prompt text : texts) {
            ids.add(OpenAi.named("input", () -> text.encode(embeddings::encode)));
        }
        List<float[]> vectors = OpenAi.named("input", () -> embeddings.embed(ids));
        JsonArray data = new JsonArray();
        for (float[] vector : vectors) {
            data.add(
                    Json.object(
                            "object",
                            "embedding",
                            "index",
                            data.size(),
                            "embedding",
                            base64 ? base64(vector) : vector));
        }
        int tokens = ids.stream().mapToInt(text -> text.length).sum();
        return Json.object(
                "object",
                "list",
                "data",
                data,
                "model",
                name,
                "usage",
                Json.object("prompt_tokens", tokens, "total_tokens", tokens));
    }

    /** Returns 32-bit floating point numbers, little-endian. */
    private static String base64(float[] vector) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * vector.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
