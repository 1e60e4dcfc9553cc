/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Whether a snapshot of which no listing is left is whole, as far as its files tell: there is a
 * configuration, a tokenizer, and of weights in shards each that the index names. A checkpoint that
 * has no tokenizer is then asked for at the Hub, which costs a request and nothing else.
 */
final class SnapshotGuess {

    private SnapshotGuess() {}

    /**
     * Looks.
     *
     * @param needed which of its files the model needs, the weights or their index last
     */
    static boolean isComplete(Path snapshot, List<String> needed) throws IOException {
        String weights = needed.get(needed.size() - 1);
        if (weights.endsWith(".gguf")) {
            return true;
        }
        boolean isComplete =
                (needed.contains("config.json") || needed.contains("params.json"))
                        && needed.stream().anyMatch(name -> name.startsWith("tokenizer."));
        return isComplete
                && (!weights.endsWith(".json") || hasShards(snapshot, snapshot.resolve(weights)));
    }

    private static boolean hasShards(Path snapshot, Path index) throws IOException {
        try {
            JsonObject map =
                    JsonParser.parseString(Files.readString(index))
                            .getAsJsonObject()
                            .getAsJsonObject("weight_map");
            for (JsonElement shard : map.asMap().values()) {
                if (!Files.exists(SafePath.below(snapshot, shard.getAsString()))) {
                    return false;
                }
            }
            return true;
        } catch (JsonParseException | IllegalStateException | NullPointerException e) {
            return false;
        }
    }
}
