/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The weights of a model are requested only if its small files say that it can be used. */
class RefusedDownloadTest extends PublishedFixture {

    private static final String WEIGHTS = "model.safetensors";

    private void assertRefused(String... words) throws IOException {
        Criteria<String, String> byUrl = byUrl().build();
        Criteria<String, String> byName = byName().build();
        Hub cache = new Hub(HubSettings.fromEnvironment());
        HubModel model = HubModel.parse(REPOSITORY);
        assertThatThrownBy(byUrl::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll(words)
                .hasMessageContainingAll(REPOSITORY, "The weights were not downloaded");
        assertThatThrownBy(byUrl::downloadModel).hasMessageContainingAll(words);
        assertThatThrownBy(byName::loadModel).hasMessageContainingAll(words);
        assertThatThrownBy(() -> Mistral.download(cache, model, null))
                .hasMessageContainingAll(words);
        assertThat(cache.find(model)).isEmpty();
        assertThat(hub.requestedFiles()).contains("config.json").doesNotContain(WEIGHTS);
        // without the check
        assertThat(cache.download(model, null)).isDirectory();
        assertThat(hub.requestedFiles()).contains(WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "chat_template.jinja",
                "additional_chat_templates/tool_use.jinja",
            })
    void anUnsupportedChatTemplate(String file) throws IOException {
        hub.offer(REPOSITORY, file, "{{ bos_token }}\n{% trans %}");
        assertRefused("chat template", "trans", "line 2");
    }

    @Test
    void anUnsupportedChatTemplateInTheTokenizersSettings() throws IOException {
        hub.offer(
                REPOSITORY,
                "tokenizer_config.json",
                "{\"chat_template\": \"{{ messages | shout }}\"}");
        assertRefused("chat template", "shout");
    }

    @Test
    void anotherArchitecture() throws IOException {
        hub.offer(REPOSITORY, "config.json", "{\"model_type\": \"llama\"}");
        assertRefused("config.json", "llama", "mistral");
    }

    @Test
    void theWeightsComeLast() throws Exception {
        try (ZooModel<String, String> model = byUrl().build().loadModel()) {
            assertAnswers(model);
        }
        List<String> files = hub.requestedFiles();
        int small = files.indexOf(WEIGHTS);
        assertThat(files.subList(0, small)).contains("config.json", "tokenizer.json");
        assertThat(files.subList(small, files.size())).containsOnly(WEIGHTS);
    }
}
