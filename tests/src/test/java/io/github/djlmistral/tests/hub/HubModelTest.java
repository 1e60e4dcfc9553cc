/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.ModelFiles;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Parsing of model names, and selection of files. */
class HubModelTest {

    @ParameterizedTest
    @CsvSource({
        "owner/name, owner/name, main, ",
        "hf://owner/name, owner/name, main, ",
        "hf://models/owner/name, owner/name, main, ",
        "owner/name@v0.1, owner/name, v0.1, ",
        "owner/name@feature%2Fx, owner/name, feature/x, ",
        "owner/name@refs/pr/12, owner/name, refs/pr/12, ",
        "owner/name/x.Q4_K_M.gguf, owner/name, main, x.Q4_K_M.gguf",
        "hf://owner/name@v1/q4/x.gguf, owner/name, v1, q4/x.gguf",
        "hf://owner/name@refs/pr/1/x.gguf, owner/name, refs/pr/1, x.gguf",
    })
    void parsesNames(String text, String repository, String revision, String file) {
        HubModel model = HubModel.parse(text);
        assertThat(model).isEqualTo(new HubModel(repository, revision, file));
        assertThat(HubModel.parse(model.toString())).isEqualTo(model);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "name",
                "hf://name",
                "owner/",
                "../name",
                "owner/..",
                "owner/na--me",
                "owner/name.git",
                "-owner/name",
                "owner/name@",
                "owner/name@..",
                "owner/name@a%2F..%2Fb",
                "owner/name@a%2",
                "owner/name?revision=v1",
                "owner/name/config.json",
                "owner/name/../x.gguf",
                "datasets/owner/name",
                "https://huggingface.co/owner/name",
                "/owner/name",
                "C:\\owner/name",
            })
    void invalidReferencesAreRejected(String text) {
        assertThatThrownBy(() -> HubModel.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    private static final HubModel MODEL = HubModel.parse("owner/name");

    private static List<String> choose(HubModel model, String... files) throws HubException {
        return ModelFiles.choose(model, List.of(files));
    }

    @Test
    void selectsShardsOnly() throws HubException {
        // as mistralai/Mistral-7B-Instruct-v0.3, and older ones
        assertThat(
                        choose(
                                MODEL,
                                ".gitattributes",
                                "README.md",
                                "config.json",
                                "consolidated.safetensors",
                                "generation_config.json",
                                "model-00002-of-00003.safetensors",
                                "model-00001-of-00003.safetensors",
                                "model-00003-of-00003.safetensors",
                                "model.safetensors.index.json",
                                "onnx/model.safetensors",
                                "params.json",
                                "pytorch_model-00001-of-00002.bin",
                                "pytorch_model.bin.index.json",
                                "special_tokens_map.json",
                                "tokenizer.json",
                                "tokenizer.model",
                                "tokenizer.model.v3",
                                "tokenizer_config.json"))
                .containsExactly(
                        "config.json",
                        "params.json",
                        "generation_config.json",
                        "tokenizer.json",
                        "tokenizer.model",
                        "tokenizer.model.v3",
                        "tokenizer_config.json",
                        "special_tokens_map.json",
                        "model-00001-of-00003.safetensors",
                        "model-00002-of-00003.safetensors",
                        "model-00003-of-00003.safetensors",
                        "model.safetensors.index.json");
    }

    @Test
    void selectsThePreferredFormat() throws HubException {
        assertThat(
                        choose(
                                MODEL,
                                "model.safetensors",
                                "model.safetensors.index.json",
                                "model-00001-of-00001.safetensors",
                                "a.gguf"))
                .containsExactly("model.safetensors");
        assertThat(choose(MODEL, "params.json", "consolidated.safetensors", "tokenizer.model.v3"))
                .containsExactly("params.json", "tokenizer.model.v3", "consolidated.safetensors");
        assertThat(
                        choose(
                                MODEL,
                                "consolidated-00001-of-00002.safetensors",
                                "consolidated-00002-of-00002.safetensors",
                                "consolidated.safetensors.index.json"))
                .hasSize(3);
        assertThat(
                        choose(
                                MODEL,
                                "additional_chat_templates/tool_use.jinja",
                                "additional_chat_templates/README.md",
                                "chat_template.jinja",
                                "model.safetensors"))
                .containsExactly(
                        "chat_template.jinja",
                        "additional_chat_templates/tool_use.jinja",
                        "model.safetensors");
        assertThat(choose(MODEL, "mmproj-f16.gguf", "a.gguf", "config.json"))
                .containsExactly("a.gguf");
    }

    @Test
    void ofGgufFilesTakesTheNamedOne() throws HubException {
        HubModel named = HubModel.parse("owner/name/a.gguf");
        assertThat(choose(named, "a.gguf", "b.gguf", "q/a.gguf", "model.safetensors"))
                .containsExactly("a.gguf");
        assertThat(choose(named, "b.gguf", "q/a.gguf")).containsExactly("q/a.gguf");
    }

    @Test
    void explainsUnsupportedRepositories() {
        HubModel named = HubModel.parse("owner/name/a.gguf");
        refused("2 GGUF files: a.gguf, b.gguf", MODEL, "b.gguf", "a.gguf");
        refused("no such file; its GGUF files are b.gguf", named, "b.gguf");
        refused("several files have this name: p/a.gguf, q/a.gguf", named, "p/a.gguf", "q/a.gguf");
        refused("Python pickles (.bin)", MODEL, "config.json", "pytorch_model.bin");
        refused("split into shards", MODEL, "a-00001-of-00002.gguf", "a-00002-of-00002.gguf");
        refused(
                "a shard of a split GGUF file",
                HubModel.parse("owner/name/a-00001-of-00002.gguf"),
                "a-00001-of-00002.gguf");
        refused("only README.md", MODEL, "README.md");
    }

    private static void refused(String message, HubModel model, String... files) {
        assertThatThrownBy(() -> choose(model, files))
                .isInstanceOf(HubException.class)
                .hasMessageContaining(model.toString())
                .hasMessageContaining(message);
    }
}
