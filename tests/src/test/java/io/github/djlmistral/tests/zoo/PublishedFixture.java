/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import ai.djl.repository.zoo.Criteria;
import io.github.djlmistral.tests.hub.ModelHub;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** The embedded model, published on a Hub as a model that the zoo has a name for. */
abstract class PublishedFixture extends ZooFixture {

    static final String NAME = "mistral-7b-instruct-v0.2";
    static final String REPOSITORY = "mistralai/Mistral-7B-Instruct-v0.2";

    @TempDir static Path models;

    @TempDir Path home;
    ModelHub hub;

    @BeforeAll
    static void unpack() throws Exception {
        copy(models.resolve("tiny"));
    }

    @BeforeEach
    final void open() throws IOException {
        hub = new ModelHub(home).offer(REPOSITORY, models.resolve("tiny"));
    }

    @AfterEach
    final void close() throws IOException {
        hub.close();
    }

    static Criteria.Builder<String, String> byUrl() {
        return Criteria.builder()
                .setTypes(String.class, String.class)
                .optModelUrls("hf://" + REPOSITORY);
    }

    static Criteria.Builder<String, String> byName() {
        return Mistral.criteria(String.class, String.class).optArtifactId(NAME);
    }
}
