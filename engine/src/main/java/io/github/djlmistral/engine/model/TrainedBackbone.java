/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.kernels.Autograd;
import io.github.djlmistral.engine.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Embedding, layers and final norm in a {@link TrainingPass}.
 *
 * <p>Autograd records from the lowest unfrozen parameter on. With checkpointing, no layer is
 * recorded in the forward pass; their inputs are kept, and the backward pass computes one layer
 * after the other again, from the last to the lowest with an unfrozen parameter.
 */
final class TrainedBackbone {

    private final MistralBackbone model;
    private final PassInput input;
    private final NDManager scope;
    private final Kernels kernels;
    private final ForwardPass pass;
    private final NDArray rows;
    private final double noise;
    private final boolean recorded;
    private final boolean checkpointing;
    private final boolean embeddingTrained;

    /** The lowest layer that gradients reach; the number of layers if there is none. */
    private final int lowest;

    /** The inputs of the layers from the lowest on, with checkpointing. */
    private final List<NDArray> inputs = new ArrayList<>();

    /** The output of the layers, with checkpointing. */
    private @Nullable NDArray top;

    /** The result of {@link #forward}. */
    private @Nullable NDArray selected;

    /**
     * Prepares a pass.
     *
     * @param model the model
     * @param input the N tokens of the pass
     * @param counted the rows of the N to select
     * @param options the options of the pass
     * @param recorded whether there will be a backward pass
     */
    TrainedBackbone(
            MistralBackbone model,
            PassInput input,
            long[] counted,
            TrainingPass.Options options,
            boolean recorded) {
        this.model = model;
        this.input = input;
        this.recorded = recorded;
        scope = input.scope();
        kernels = model.kernels().training();
        pass =
                model.newPass(
                        new ParameterStore(scope, false),
                        input,
                        kernels,
                        true,
                        null,
                        recorded ? options.seed() : null);
        rows = HostArray.of(scope, counted);
        noise = recorded ? options.neftuneNoiseAlpha() : 0;
        checkpointing =
                recorded
                        && (options.gradientCheckpointing()
                                || model.namedLinears().values().stream()
                                        .anyMatch(linear -> linear.quantized() != null));
        embeddingTrained = model.isEmbeddingTrained();
        int first = 0;
        while (!embeddingTrained
                && first < model.layers().size()
                && !isTrained(model.layers().get(first))) {
            ++first;
        }
        lowest = first;
    }

    private static boolean isTrained(MistralDecoderLayer layer) {
        return layer.getParameters().values().stream().anyMatch(Parameter::requiresGradient);
    }

    /** Returns the state of the pass. */
    ForwardPass pass() {
        return pass;
    }

    /** Returns whether a parameter of the layers or the embedding is unfrozen. */
    private boolean layersTrained() {
        return embeddingTrained || lowest < model.layers().size();
    }

    /** Returns whether a parameter is unfrozen, so that {@link #forward} has a graph. */
    boolean isTrained() {
        return layersTrained() || model.isNormTrained();
    }

    /** Returns the selected rows after the final norm, (n, E). */
    NDArray forward() {
        boolean whole = recorded && !checkpointing;
        NDArray x = Autograd.with(whole && embeddingTrained, this::embeddings);
        List<MistralDecoderLayer> layers = model.layers();
        for (int i = 0; i < layers.size(); ++i) {
            MistralDecoderLayer layer = layers.get(i);
            boolean kept = checkpointing && i >= lowest;
            NDArray in = x;
            x =
                    Autograd.with(
                            whole && i >= lowest,
                            () -> MistralBackbone.forward(layer, pass, in, kept));
            if (kept) {
                inputs.add(in);
            }
        }
        if (checkpointing && layersTrained()) {
            x.setRequiresGradient(true);
            top = x;
        }
        NDArray last = x;
        NDArray result = Autograd.with(recorded, () -> norm(last));
        selected = result;
        return result;
    }

    private NDArray norm(NDArray x) {
        // looks up rows, with a gradient that adds up: the norm of the others is not needed
        return model.norm(pass, kernels.embedding(rows, x));
    }

    /** Returns (N, E), with noise. */
    private NDArray embeddings() {
        NDArray x = model.embeddings(input, pass);
        if (noise == 0) {
            return x;
        }
        int width = model.config().hiddenSize();
        int count = input.tokens();
        float[] values = new float[Math.multiplyExact(count, width)];
        SplittableRandom random = new SplittableRandom(Objects.requireNonNull(pass.dropoutSeed()));
        int[] begins = input.begins();
        for (int s = 0; s + 1 < begins.length; ++s) {
            int end = begins[s + 1] * width;
            double most = noise / Math.sqrt((double) end - begins[s] * width);
            for (int i = begins[s] * width; i < end; ++i) {
                values[i] = (float) (most * (2 * random.nextDouble() - 1));
            }
        }
        NDArray table = HostArray.of(scope, values, new Shape(count, width));
        NDArray order = HostArray.of(scope, LongStream.range(0, count).toArray());
        // looked up, and thereby converted to the type of activations
        return kernels.add(x, kernels.embeddingFloat32(order, table));
    }

    /**
     * Adds to the gradients of the parameters.
     *
     * @param upstream the gradient of the result of {@link #forward}, (n, E)
     */
    void backward(NDArray upstream) {
        Autograd.backward(Objects.requireNonNull(selected), upstream);
        upstream.close();
        if (top == null) {
            return;
        }
        NDArray gradient = Autograd.gradient(top, scope);
        top.close();
        List<MistralDecoderLayer> layers = model.layers();
        for (int i = layers.size() - 1; i >= lowest; --i) {
            gradient = backward(layers.get(i), inputs.get(i - lowest), i, gradient);
        }
        if (embeddingTrained) {
            NDArray x = Autograd.with(true, this::embeddings);
            Autograd.backward(x, gradient);
            x.close();
        }
        gradient.close();
    }

    /** Computes a layer again, and returns the gradient of its input. */
    private NDArray backward(MistralDecoderLayer layer, NDArray x, int index, NDArray upstream) {
        boolean further = index > lowest || embeddingTrained;
        try (NDManager own = scope.newSubManager()) {
            x.attach(own);
            if (further) {
                x.setRequiresGradient(true);
            }
            Autograd.backward(Autograd.with(true, () -> layer.forward(pass, x)), upstream);
            if (!further) {
                return upstream;
            }
            upstream.close();
            return Autograd.gradient(x, scope);
        }
    }
}
