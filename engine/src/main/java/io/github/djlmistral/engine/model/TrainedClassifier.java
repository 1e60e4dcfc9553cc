/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.kernels.Autograd;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** A classification head in a {@link TrainingPass}: a row of logits for each row that counts. */
final class TrainedClassifier implements PassOutput {

    /** The hidden states (n, E) without their graph. */
    private final NDArray hidden;

    /** The logits (n, N), float32. */
    private final NDArray logits;

    private final float[] values;
    private final boolean trained;
    private final boolean hiddenTrained;

    /**
     * Computes the logits.
     *
     * @param layer the head
     * @param pass the state of the pass
     * @param hidden the hidden states (n, E)
     * @param dropout the probability with which a hidden state is dropped, if the pass has a seed
     * @param recorded whether there will be a backward pass
     * @param hiddenTrained whether the gradients of the hidden states are needed
     */
    TrainedClassifier(
            MistralLinear layer,
            ForwardPass pass,
            NDArray hidden,
            double dropout,
            boolean recorded,
            boolean hiddenTrained) {
        this.hidden = hidden.stopGradient();
        this.hiddenTrained = hiddenTrained;
        trained = hiddenTrained || layer.isTrained();
        if (recorded && hiddenTrained) {
            this.hidden.setRequiresGradient(true);
        }
        Long seed = pass.dropoutSeed();
        NDArray mask = recorded && dropout > 0 && seed != null ? mask(pass, dropout, seed) : null;
        logits =
                Autograd.with(
                        recorded,
                        () -> {
                            NDArray x = mask == null ? this.hidden : this.hidden.mul(mask);
                            return pass.kernels()
                                    .toFloat32(
                                            layer.forward(
                                                    pass.parameters(),
                                                    true,
                                                    pass.kernels(),
                                                    seed,
                                                    x));
                        });
        values = logits.toFloatArray();
    }

    /** Returns (n, E) of 0 where a state is dropped, and 1 / (1 - dropout) elsewhere. */
    private NDArray mask(ForwardPass pass, double dropout, long seed) {
        Shape shape = hidden.getShape();
        float[] factors = new float[Math.toIntExact(shape.size())];
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < factors.length; ++i) {
            factors[i] = random.nextDouble() < dropout ? 0 : (float) (1 / (1 - dropout));
        }
        NDArray table = HostArray.of(hidden.getManager(), factors, shape);
        NDArray order =
                HostArray.of(hidden.getManager(), LongStream.range(0, shape.get(0)).toArray());
        // looked up, and thereby converted to the type of activations
        return pass.kernels().embeddingFloat32(order, table);
    }

    /** Returns the logits, one row after the other. */
    @Override
    public float[] values() {
        return values;
    }

    @Override
    public @Nullable NDArray backward(float[] gradients, float @Nullable [] meanGradients) {
        if (!trained) {
            return null;
        }
        Autograd.backward(logits, HostArray.of(logits.getManager(), gradients, logits.getShape()));
        return hiddenTrained ? Autograd.gradient(hidden, hidden.getManager()) : null;
    }
}
