/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Options for a network with {@linkplain SyntheticWeights random weights}, which needs no
 * checkpoint.
 */
final class SyntheticOptions {

    private static final List<Integer> GROUPS = List.of(32, 64, 128);

    @Option(
            names = "--synthetic",
            paramLabel = "SHAPE",
            description =
                    "Random 4-bit weights instead of a model: 7b (Mistral 7B v0.1), 7b-v0.2 (no"
                            + " sliding window) or tiny.")
    @Nullable String shape;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description = "Number of layers. Default: that of the shape.")
    @Nullable Integer layers;

    @Option(
            names = "--group",
            paramLabel = "N",
            description =
                    "Weights per group: 32 (as in GGUF's Q4_0), 64 or 128. Default:"
                            + " ${DEFAULT-VALUE}.")
    int group = 32;

    @Option(
            names = "--assistant-layers",
            paramLabel = "N",
            description =
                    "Assistant of --speculate: the same shape with N layers, which drafts four of"
                            + " five tokens as they are chosen.")
    @Nullable Integer assistantLayers;

    /**
     * Creates the assistant.
     *
     * @param terminal reports invalid options
     * @param manager owns the weights
     * @param model kernels and compute type
     * @return the network; null for none
     */
    @Nullable MistralForCausalLM makeAssistant(
            Terminal terminal, NDManager manager, ModelOptions model)
            throws MalformedModelException {
        return assistantLayers == null
                ? null
                : make(terminal, manager, model, "--assistant-layers", assistantLayers);
    }

    /**
     * Creates the network.
     *
     * @param terminal reports invalid options
     * @param manager owns the weights
     * @param model kernels and compute type
     * @return the network
     */
    MistralForCausalLM make(Terminal terminal, NDManager manager, ModelOptions model)
            throws MalformedModelException {
        return make(terminal, manager, model, "--layers", layers);
    }

    private MistralForCausalLM make(
            Terminal terminal,
            NDManager manager,
            ModelOptions model,
            String option,
            @Nullable Integer count)
            throws MalformedModelException {
        MistralConfig config = config(terminal, option, count);
        if (!GROUPS.contains(group)) {
            throw terminal.usage("--group is " + group + ", must be one of " + GROUPS);
        }
        Weights weights;
        try {
            weights = SyntheticWeights.of(config, group);
        } catch (OutOfMemoryError e) {
            throw new IllegalArgumentException(
                    "there is not enough memory for these weights ("
                            + e.getMessage()
                            + "): choose fewer --layers",
                    e);
        }
        return MistralForCausalLM.of(config, weights, name(), manager, model.computeOptions());
    }

    /** Returns the name of the model in results. */
    String name() {
        return "synthetic " + shape + " int4 g" + group;
    }

    private MistralConfig config(Terminal terminal, String option, @Nullable Integer count) {
        MistralConfig config =
                switch (String.valueOf(shape)) {
                    case "7b" -> MistralConfig.mistral7bV01();
                    case "7b-v0.2" -> MistralConfig.mistral7bInstructV02();
                    case "tiny" ->
                            MistralConfig.mistral7bV01().toBuilder()
                                    .hiddenSize(128)
                                    .intermediateSize(256)
                                    .vocabSize(512)
                                    .numHiddenLayers(2)
                                    .numAttentionHeads(4)
                                    .numKeyValueHeads(2)
                                    .headDim(32)
                                    .build();
                    default ->
                            throw terminal.usage(
                                    "--synthetic is '" + shape + "', must be 7b, 7b-v0.2 or tiny");
                };
        if (count != null && count < 1) {
            throw terminal.usage(option + " is " + count + ", must be at least 1");
        }
        return count == null ? config : config.toBuilder().numHiddenLayers(count).build();
    }
}
