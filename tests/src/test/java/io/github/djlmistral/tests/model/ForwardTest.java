/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Forward passes equal the reference's for every kernel set, with and without a cache. */
class ForwardTest extends Fixture {

    static Stream<Arguments> checkpoints() {
        return Stream.of(
                        "window8-f32",
                        "nowindow-tied-sharded",
                        "window4-bf16",
                        "f16",
                        "defaults",
                        "consolidated")
                .flatMap(
                        name ->
                                Stream.of("reference", "torch")
                                        .map(kernels -> Arguments.of(name, kernels)));
    }

    private static Reference expected(String checkpoint) {
        return Reference.checkpoint(checkpoint.equals("consolidated") ? "window8-f32" : checkpoint);
    }

    private static void assertClose(NDArray actual, NDArray expected) {
        assertClose(actual, expected, LOGITS);
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsHiddenStatesAndAttentionsOfOneRow(String checkpoint, String kernels)
            throws Exception {
        Reference reference = expected(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        NDArray ids = reference.array(manager, "single.input_ids");

        NDArray plain = network.forward(parameters, new NDList(ids), false).singletonOrThrow();
        assertClose(plain, reference.array(manager, "single.logits"));

        ForwardOutput output =
                network.forward(
                        parameters,
                        ForwardInput.ofIds(ids).outputHiddenStates().outputAttentions(),
                        false);
        assertClose(output.logits(), reference.array(manager, "single.logits"));
        int layers = network.config().numHiddenLayers();
        assertThat(output.hiddenStates()).hasSize(layers + 1);
        for (int i = 0; i <= layers; ++i) {
            assertClose(
                    output.hiddenStates().get(i),
                    reference.array(manager, "single.hidden_states." + i));
        }
        assertThat(output.attentions()).hasSize(layers);
        for (int i = 0; i < layers; ++i) {
            assertClose(
                    output.attentions().get(i), reference.array(manager, "single.attentions." + i));
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void leftPaddedBatch(String checkpoint, String kernels) throws Exception {
        Reference reference = expected(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        NDArray mask = reference.array(manager, "batch.attention_mask");
        NDList inputs =
                new NDList(
                        reference.array(manager, "batch.input_ids"),
                        mask,
                        reference.array(manager, "batch.position_ids"));
        NDArray logits = network.forward(parameters, inputs, false).singletonOrThrow();
        assertThat(logits.isNaN().any().getBoolean()).isFalse();
        // padding sees nothing: what comes out of it means nothing
        NDArray meaningful = mask.expandDims(-1);
        assertClose(
                logits.mul(meaningful), reference.array(manager, "batch.logits").mul(meaningful));
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void additiveMaskAndPositionsGivenByTheCaller(String checkpoint, String kernels)
            throws Exception {
        Reference reference = expected(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        ForwardInput input =
                ForwardInput.ofIds(reference.array(manager, "mask4d.input_ids"))
                        .attentionMask(reference.array(manager, "mask4d.attention_mask"))
                        .positionIds(reference.array(manager, "mask4d.position_ids"));
        assertClose(
                network.forward(parameters, input, false).logits(),
                reference.array(manager, "mask4d.logits"));
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void embeddingsInsteadOfIds(String checkpoint, String kernels) throws Exception {
        Reference reference = expected(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        ForwardInput input =
                ForwardInput.ofEmbeddings(reference.array(manager, "embeds.inputs_embeds"));
        assertClose(
                network.forward(parameters, input, false).logits(),
                reference.array(manager, "embeds.logits"));
    }

    /** Not with the reference kernels, which materialize the whole mask: slow at 4,110 tokens. */
    @Test
    void promptLongerThanTheDefaultWindow() throws Exception {
        Reference reference = Reference.checkpoint("defaults");
        MistralForCausalLM network = load("defaults", "torch");
        ForwardInput input =
                ForwardInput.ofIds(reference.array(manager, "long.input_ids")).logitsToKeep(4);
        assertClose(
                network.forward(parameters, input, false).logits(),
                reference.array(manager, "long.last_logits"));
    }

    /**
     * The result of each operation is rounded to 16 bits, by the reference and by us. What the
     * processor's kernels fuse is rounded less often; at most four times as many roundings, which
     * are independent, make twice the error. And not less than a quarter: it is not float32.
     */
    @ParameterizedTest
    @CsvSource({"window4-bf16, bfloat16, single.logits_bf16", "f16, float16, single.logits_f16"})
    void halfPrecisionErrorIsAsTheReferences(String checkpoint, String dtype, String recorded)
            throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        MistralForCausalLM network =
                MistralForCausalLM.load(
                        reference.directory(), manager, new ComputeOptions("torch", dtype));
        NDArray ids = reference.array(manager, "single.input_ids");
        NDArray logits = network.forward(parameters, new NDList(ids), false).singletonOrThrow();
        NDArray exact = reference.array(manager, "single.logits");
        double theirs = rms(reference.array(manager, recorded).sub(exact));
        assertThat(rms(logits.sub(exact))).isBetween(0.25 * theirs, 2 * theirs);
    }

    private static double rms(NDArray difference) {
        return Math.sqrt(difference.square().mean().getFloat());
    }

    /**
     * Prefill in chunks of various sizes, down to single tokens, with a full and a rolling cache.
     */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 1",
        "window8-f32, torch, 5",
        "window8-f32, torch, 8",
        "window8-f32, torch, 13",
        "window8-f32, torch, 21",
        "window4-bf16, torch, 3",
        "nowindow-tied-sharded, torch, 1",
        "nowindow-tied-sharded, torch, 5",
        "window8-f32, reference, 1",
        "window8-f32, reference, 5",
        "window8-f32, reference, 13",
        "nowindow-tied-sharded, reference, 5"
    })
    void cachedEqualsUncached(String checkpoint, String kernels, int chunk) throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        NDArray ids = reference.array(manager, "single.input_ids");
        NDArray expected = reference.array(manager, "single.logits");
        int length = (int) ids.getShape().get(1);
        try (KvCache cache = network.newCache(manager)) {
            for (int from = 0; from < length; from += chunk) {
                int to = Math.min(length, from + chunk);
                NDIndex range = new NDIndex().addAllDim().addSliceDim(from, to);
                ForwardInput input = ForwardInput.ofIds(ids.get(range)).cache(cache);
                assertClose(
                        network.forward(parameters, input, false).logits(), expected.get(range));
            }
            assertThat(cache.length()).isEqualTo(length);
        }
    }

    @ParameterizedTest
    @CsvSource({"reference, 0", "reference, 3", "torch, 0", "torch, 3"})
    void onlyTheLastLogitsOnRequest(String kernels, int last) throws Exception {
        Reference reference = Reference.checkpoint("f16");
        MistralForCausalLM network = load("f16", kernels);
        NDArray ids = reference.array(manager, "single.input_ids");
        NDArray expected = reference.array(manager, "single.logits");
        NDArray logits =
                network.forward(parameters, ForwardInput.ofIds(ids).logitsToKeep(last), false)
                        .logits();
        assertClose(logits, last == 0 ? expected : expected.get(":, -" + last + ":"));
    }
}
