/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.repository.Repository;
import ai.djl.repository.zoo.Criteria;
import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.hub.HubModel;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Parsing of Hub URLs. */
class HubReferenceTest {

    private static final HubModel PLAIN = new HubModel("mistralai/Mistral-7B-v0.1", "main");

    @ParameterizedTest
    @ValueSource(strings = {"hf://mistralai/Mistral-7B-v0.1", "mistralai/Mistral-7B-v0.1"})
    void defaultsAreMainAndUnquantized(String url) {
        assertThat(HubReference.parse(url)).isEqualTo(new HubReference(PLAIN, null));
        assertThat(HubReference.parse(url).arguments()).isEmpty();
    }

    @Test
    void allOptionsInAnyOrder() {
        assertThat(
                        HubReference.parse(
                                "hf://a/b?gguf_file=x.gguf&precision=int4&revision=refs/pr/1"))
                .isEqualTo(new HubReference(new HubModel("a/b", "refs/pr/1", "x.gguf"), "int4"));
        assertThat(HubReference.parse("a/b@v1/x.gguf?precision=float32"))
                .isEqualTo(new HubReference(new HubModel("a/b", "v1", "x.gguf"), "float32"));
        assertThat(HubReference.parse("hf://a/b?revision=feature%2Fx").model().revision())
                .isEqualTo("feature/x");
        assertThat(HubReference.parse("hf://a/b?ggufFile=dir%2Fx.gguf").model().file())
                .isEqualTo("dir/x.gguf");
    }

    @ParameterizedTest
    @CsvSource({
        "int4, quantization",
        "int4-g128-sym, quantization",
        "nf4, quantization",
        "bfloat16, dtype",
        "float32, dtype"
    })
    void aPrecisionIsAnArgument(String precision, String argument) {
        assertThat(new HubReference(PLAIN, precision).arguments())
                .isEqualTo(Map.of(argument, precision));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hf://mistralai/Mistral-7B-v0.1",
                "hf://a/b?precision=nf4",
                "hf://a/b@v1/x.gguf?precision=float32",
                "hf://a/b@feature%2Fx",
                "hf://a/b/deep/x.gguf"
            })
    void itPrintsAsItReads(String url) {
        HubReference reference = HubReference.parse(url);
        assertThat(HubReference.parse(reference.toString())).isEqualTo(reference);
        assertThat(reference).hasToString(url);
    }

    /** Invalid URLs are rejected immediately, in one sentence. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "hf://a/b?quantisation=int4 | unknown option 'quantisation' | revision, precision",
                "hf://a/b?max_new_tokens=4  | unknown option 'max_new_tokens' | optArgument",
                "hf://a/b?                  | unknown option ''               | gguf_file",
                "hf://a/b?precision         | no value for precision          | precision=value",
                "hf://a/b?precision=        | no value for precision          | precision=value",
                "hf://a/b?precision=int3    | unknown precision 'int3'        | int4",
                "hf://a/b?revision=x&revision=y | contains revision twice     | remove one",
                "hf://a/b@x?revision=y      | contains a revision or a file twice | remove one",
                "hf://a/b/x.gguf?gguf_file=y.gguf | twice                     | remove one",
                "hf://a/b?gguf_file=../x.gguf | is not a GGUF file name       | .gguf",
                "hf://b                     | is not a model of the Hub       | hf://owner/name",
                "hf://a/b?revision=../c     | is not a revision               | a branch",
            })
    void errorsNameTheProblem(String url, String problem, String remedy) {
        assertThatThrownBy(() -> Criteria.builder().optModelUrls(url))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(problem, remedy);
    }

    @Test
    void djlFindsTheScheme() {
        Repository repository = Repository.newInstance("x", "hf://a/b");
        assertThat(repository.isRemote()).isTrue();
        assertThat(repository.getResources())
                .singleElement()
                .satisfies(model -> assertThat(model.getArtifactId()).isEqualTo("a/b"));
    }
}
