/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides whether a snapshot without a listing is complete: it must have a configuration, a
 * tokenizer and, if the weights are sharded, each shard in the index. A complete checkpoint without
 * a tokenizer is taken for incomplete, which costs a request to the Hub.
 */
final class SnapshotHeuristic {

    private static final Logger LOGGER = LoggerFactory.getLogger(SnapshotHeuristic.class);

    private SnapshotHeuristic() {}

    /**
     * Returns whether a snapshot is complete.
     *
     * @param needed the files in the snapshot that the model needs, the weights or their index last
     */
    static boolean isComplete(Path snapshot, List<String> needed) {
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

    private static boolean hasShards(Path snapshot, Path index) {
        try {
            JsonObject root = StrictJson.read(index, StrictJson.LONGEST);
            JsonObject map = StrictJson.object(root.get("weight_map"), "weight_map");
            for (JsonElement shard : map.asMap().values()) {
                String name = StrictJson.string(shard, "weight_map");
                if (!Files.exists(SafePath.below(snapshot, name))) {
                    return false;
                }
            }
            return true;
        } catch (IOException | IllegalArgumentException e) {
            LOGGER.debug("Ignoring {}", index, e);
            return false;
        }
    }
}
