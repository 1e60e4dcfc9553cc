/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import ai.djl.util.Progress;
import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A server, a cache, and small models with realistic files. */
final class HubFixture {

    static final HubModel MODEL = HubModel.parse("owner/Tiny-7B");
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    private HubFixture() {}

    static HubSettings settings(HubServer server, Path cache) {
        return HubSettings.of(server.endpoint(), cache)
                .withBackOff(Duration.ofMillis(1))
                .withConnections(4);
    }

    static Hub hub(HubServer server, Path cache) {
        return new Hub(settings(server, cache));
    }

    static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    /** A repository with a model's files, weights in one file, and unrelated files. */
    static Repository tiny(int weights) {
        return new Repository(COMMIT)
                .with("config.json", "{\"model_type\": \"mistral\"}")
                .with("generation_config.json", "{}")
                .with("tokenizer.json", random(5000))
                .with("tokenizer_config.json", "{\"a\": 1}")
                .with("model.safetensors", random(weights))
                .with("consolidated.safetensors", random(weights + 1))
                .with("pytorch_model.bin", random(weights + 2))
                .with(".gitattributes", "*.bin filter=lfs")
                .with("README.md", "# Tiny");
    }

    /** Records progress events. */
    static final class Told implements Progress {

        final List<Long> done = new ArrayList<>();
        long total;
        boolean hasEnded;

        @Override
        public void reset(String message, long max, String trailingMessage) {
            total = max;
        }

        @Override
        public void start(long initialProgress) {
            done.add(initialProgress);
        }

        @Override
        public void end() {
            hasEnded = true;
        }

        @Override
        public void increment(long increment) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void update(long progress, String message) {
            done.add(progress);
        }
    }
}
