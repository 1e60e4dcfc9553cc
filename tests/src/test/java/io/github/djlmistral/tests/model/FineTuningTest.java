/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Training steps on a loaded checkpoint, whose weights are mapped from files. */
class FineTuningTest extends Fixture {

    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String QUERY = "model.layers.0.self_attn.q_proj.weight";
    private static final long[] IDS = {5, 17, 8, 41, 12, 9};

    /** Copies a checkpoint to read-only files. */
    private static Path readOnlyCopy(String checkpoint, Path directory) throws Exception {
        try (Stream<Path> files = Files.list(Reference.directory("checkpoints/" + checkpoint))) {
            for (Path source : files.toList()) {
                Path copy = Files.copy(source, directory.resolve(source.getFileName()));
                assertThat(copy.toFile().setReadOnly()).isTrue();
            }
        }
        return directory;
    }

    /** The forward part of a training step; its arrays belong to the batch. */
    private NDArray loss(MistralForCausalLM network, NDManager batch) {
        NDArray ids = batch.create(IDS, new Shape(1, IDS.length));
        return network.forward(parameters, ForwardInput.ofIds(ids), true).logits().square().mean();
    }

    private float[] gradient(MistralForCausalLM network, String name) {
        return network.namedParameters().get(name).getArray().getGradient().toFloatArray();
    }

    /** One step of gradient descent, which changes a weight of each parameter by 0.1. */
    private void step(MistralForCausalLM network) {
        network.freezeParameters(false);
        try (NDManager batch = manager.newSubManager()) {
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                collector.backward(loss(network, batch));
            }
            for (Parameter parameter : network.namedParameters().values()) {
                NDArray gradient = parameter.getArray().getGradient();
                gradient.attach(batch);
                double rate = 0.1 / gradient.abs().max().getFloat();
                parameter.freeze(true); // or PyTorch records the update
                parameter.getArray().subi(gradient.mul(rate));
            }
        }
    }

    private float[] flatLogits(MistralForCausalLM network) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray ids = scope.create(IDS, new Shape(1, IDS.length));
            return network.forward(parameters, ForwardInput.ofIds(ids), false)
                    .logits()
                    .toFloatArray();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "window8-f32, reference",
        "window8-f32, torch",
        "nowindow-tied-sharded, torch",
        "consolidated, torch"
    })
    void aStepChangesTheWeightsAndNotTheFiles(
            String checkpoint, String kernels, @TempDir Path directory) throws Exception {
        readOnlyCopy(checkpoint, directory);
        MistralForCausalLM network =
                MistralForCausalLM.load(directory, manager, new ComputeOptions(kernels, "float32"));
        Map<String, float[]> before = new LinkedHashMap<>();
        network.namedParameters()
                .forEach((name, weight) -> before.put(name, weight.getArray().toFloatArray()));
        float[] logits = flatLogits(network);

        step(network);

        network.namedParameters()
                .forEach(
                        (name, weight) ->
                                assertThat(weight.getArray().toFloatArray())
                                        .as(name)
                                        .isNotEqualTo(before.get(name)));
        assertThat(flatLogits(network)).isNotEqualTo(logits);
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Path original =
                        Reference.directory("checkpoints/" + checkpoint)
                                .resolve(file.getFileName());
                assertThat(file).hasSameBinaryContentAs(original);
            }
        }

        // the reference kernels read the parameters on every pass
        MistralForCausalLM reference = through(new ReferenceKernels(), network);
        assertClose(flatLogits(network), flatLogits(reference), LOGITS * largest(logits));
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(4).build();
        List<long[]> prompts = List.of(IDS);
        try (Generation expected = new Generator(reference, manager, null).start(prompts, config);
                Generation actual = new Generator(network, manager, null).start(prompts, config)) {
            while (!expected.next().isEmpty()) {
                actual.next();
            }
            assertDecided(reference, prompts, config, expected.result().sequences());
            assertThat(actual.result().sequences().get(0).generated())
                    .isEqualTo(expected.result().sequences().get(0).generated());
        }
    }

    private static float largest(float[] values) {
        float largest = 1;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    /** Native code that writes to a read-only buffer crashes the JVM. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, reference, float32",
        "window8-f32, torch, float32",
        "window4-bf16, torch, bfloat16"
    })
    void weightsInReadOnlyBuffersAreCopied(String checkpoint, String kernels, String dtype)
            throws Exception {
        MistralCheckpoint opened =
                MistralCheckpoint.open(Reference.directory("checkpoints/" + checkpoint));
        Map<String, Tensor> readOnly = new LinkedHashMap<>();
        opened.weights()
                .unquantized()
                .forEach(
                        (name, tensor) ->
                                readOnly.put(
                                        name,
                                        new Tensor(
                                                name,
                                                tensor.dtype(),
                                                tensor.shape(),
                                                tensor.data().asReadOnlyBuffer())));
        MistralForCausalLM network =
                MistralForCausalLM.of(
                        opened.config(),
                        new Weights(readOnly, Map.of()),
                        checkpoint,
                        manager,
                        new ComputeOptions(kernels, dtype));
        float[] logits = flatLogits(network);
        for (String name : List.of("model.norm.weight", QUERY)) {
            ByteBuffer bytes = readOnly.get(name).data();
            long before = bytes.getLong(0);
            network.namedParameters().get(name).getArray().muli(-2);
            assertThat(bytes.getLong(0)).as(name).isEqualTo(before);
        }
        assertThat(flatLogits(network)).isNotEqualTo(logits);
    }

    /**
     * Autograd does not own the memory of arrays that the forward pass creates from Java buffers.
     */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch"})
    void gradientsSurviveAGarbageCollection(String kernels) throws Exception {
        List<float[]> gradients = new ArrayList<>();
        for (boolean collected : new boolean[] {false, true}) {
            MistralForCausalLM network = load("window8-f32", kernels);
            network.freezeParameters(false);
            try (NDManager batch = manager.newSubManager();
                    GradientCollector collector = manager.getEngine().newGradientCollector()) {
                NDArray loss = loss(network, batch);
                if (collected) {
                    overwriteFreedMemory();
                }
                collector.backward(loss);
                gradients.add(gradient(network, EMBEDDING));
            }
        }
        assertClose(gradients.get(1), gradients.get(0), LOGITS);
    }

    /** The weights were permuted on load, into memory that closing frees immediately. */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch"})
    void closingBetweenForwardAndBackward(String kernels) throws Exception {
        List<float[]> gradients = new ArrayList<>();
        for (boolean closed : new boolean[] {false, true}) {
            MistralForCausalLM network = load("consolidated", kernels);
            network.freezeParameters(false);
            NDArray weight = network.namedParameters().get(QUERY).getArray();
            try (NDManager batch = NDManager.newBaseManager(manager.getDevice(), "PyTorch")) {
                try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                    NDArray loss = loss(network, batch);
                    if (closed) {
                        network.close();
                        overwriteFreedMemory();
                    }
                    collector.backward(loss);
                }
                gradients.add(gradient(network, EMBEDDING));
            }
            assertThat(weight.isReleased()).isEqualTo(closed);
            network.close();
            assertThat(weight.isReleased()).isTrue();
        }
        assertClose(gradients.get(1), gradients.get(0), LOGITS);
    }

    @Test
    void aClosedNetworkIsNotTrainedFurther() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        network.freezeParameters(false);
        loss(network, manager);
        network.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> loss(network, manager))
                .withMessageContaining("closed");
    }
}
