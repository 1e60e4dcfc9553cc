/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.ParameterTracker;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.kernels.TorchOptimizerKernels;
import io.github.djlmistral.engine.internal.quantization.DynamicMap;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Optimizers with decoupled weight decay on DJL's PyTorch engine: {@code torch.optim.AdamW}, AdamW
 * with states in 8 bits, and Lion. Parameters are changed in place, on any device.
 *
 * <p>With the gradient g, the learning rate η and the update number t from 1,
 *
 * <pre>
 * AdamW  m = β₁ m + (1 − β₁) g;  v = β₂ v + (1 − β₂) g²
 *        p = p − η λ p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 * Lion   p = p − η λ p − η sign(β₁ m + (1 − β₁) g);  m = β₂ m + (1 − β₂) g
 * </pre>
 *
 * <p>The weight decay λ is that of matrices: vectors, which are norms and biases in this network,
 * have none, as with transformers. Parameters in bfloat16 or float16 are copied to float32 at the
 * first update; updates are applied to the copy, which is rounded.
 *
 * <p>States in 8 bits are those of Dettmers et al. 2022: blocks of 256 elements are divided by
 * their largest absolute value and rounded to the 256 values of a dynamic data type. √v is stored
 * in place of v, since small values of v would be rounded to 0. Parameters of fewer than 4096
 * elements have states in float32. A weight takes 2 bytes of state instead of 8.
 *
 * <p>An optimizer is for one thread, and owns its states until it is closed.
 */
public final class TorchOptimizer extends Optimizer implements AutoCloseable {

    private static final int BLOCK = 256;

    /** Fewest elements whose states are in 8 bits. */
    private static final long FEWEST_8BIT = 4096;

    private final OptimizerName name;
    private final ParameterTracker schedule;
    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private final double weightDecay;
    private final OwnedManager owned;
    private final TorchOptimizerKernels kernels;
    private final NDArray maps;
    private final Map<String, Map<String, NDArray>> states = new LinkedHashMap<>();
    private double gradientFactor = 1;

    private TorchOptimizer(Builder builder, NDManager manager) {
        super(builder);
        if (clipGrad > 0) {
            throw new IllegalArgumentException(
                    "the optimizer does not clip single gradients: clip their norm instead, see"
                            + " gradientFactor");
        }
        name = builder.name;
        schedule = builder.schedule;
        beta1 = builder.beta1;
        beta2 = builder.beta2;
        epsilon = builder.epsilon;
        weightDecay = builder.weightDecay;
        owned = new OwnedManager(manager, "optimizer");
        kernels = new TorchOptimizerKernels(owned.manager());
        maps = HostArray.of(owned.manager(), DynamicMap.tables(), new Shape(4, 256));
        owned.closeWithParent(this);
    }

    /** Returns a builder of an AdamW optimizer with the defaults of {@link TrainingArguments}. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Sets a factor of all gradients of the next updates, by which their norm is clipped.
     *
     * @param factor the factor, 1 for none
     */
    public void gradientFactor(double factor) {
        gradientFactor = factor;
    }

    @Override
    public void update(String parameterId, NDArray weight, NDArray grad) {
        int step = updateCount(parameterId);
        double rate =
                schedule instanceof LearningRateSchedule own
                        ? own.rate(step - 1)
                        : schedule.getNewValue(parameterId, step);
        Map<String, NDArray> state = state(parameterId, weight);
        NDArray master = state.getOrDefault("master", weight);
        double factor = gradientFactor * rescaleGrad;
        double decay = weight.getShape().dimension() < 2 ? 0 : weightDecay;
        long count = step;
        if (name == OptimizerName.LION_32BIT) {
            kernels.run(
                    "lion",
                    weight,
                    master,
                    grad,
                    required(state, "exp_avg"),
                    factor,
                    rate,
                    beta1,
                    beta2,
                    decay);
        } else if (state.containsKey("exp_avg.codes")) {
            kernels.run(
                    "adamw_8bit",
                    weight,
                    master,
                    grad,
                    required(state, "exp_avg.codes"),
                    required(state, "exp_avg.absmax"),
                    required(state, "exp_avg_sq.codes"),
                    required(state, "exp_avg_sq.absmax"),
                    maps,
                    count,
                    factor,
                    rate,
                    beta1,
                    beta2,
                    decay,
                    epsilon);
        } else {
            kernels.run(
                    "adamw",
                    weight,
                    master,
                    grad,
                    required(state, "exp_avg"),
                    required(state, "exp_avg_sq"),
                    count,
                    factor,
                    rate,
                    beta1,
                    beta2,
                    decay,
                    epsilon);
        }
    }

    private static NDArray required(Map<String, NDArray> state, String name) {
        return Objects.requireNonNull(state.get(name), name);
    }

    /**
     * Returns the states of a parameter, creating them as zeros. They may be changed in place.
     *
     * @param parameterId the name of the parameter
     * @param weight its value
     * @return the states by name: {@code exp_avg}, {@code exp_avg_sq}, float32; in 8 bits {@code
     *     exp_avg.codes} uint8 and {@code exp_avg.absmax} float32, the same for {@code exp_avg_sq};
     *     and {@code master}, float32, for a parameter of another type
     */
    public Map<String, NDArray> state(String parameterId, NDArray weight) {
        return Collections.unmodifiableMap(
                states.computeIfAbsent(parameterId, key -> newState(weight)));
    }

    private Map<String, NDArray> newState(NDArray weight) {
        Map<String, NDArray> state = new LinkedHashMap<>();
        NDManager manager = owned.manager();
        Shape shape = weight.getShape();
        boolean small = shape.size() < FEWEST_8BIT;
        for (String moment :
                name == OptimizerName.LION_32BIT
                        ? new String[] {"exp_avg"}
                        : new String[] {"exp_avg", "exp_avg_sq"}) {
            if (name == OptimizerName.ADAMW_8BIT && !small) {
                long blocks = (shape.size() + BLOCK - 1) / BLOCK;
                Shape padded = new Shape(blocks * BLOCK);
                state.put(moment + ".codes", manager.zeros(padded, DataType.UINT8));
                state.put(moment + ".absmax", manager.zeros(new Shape(blocks), DataType.FLOAT32));
            } else {
                state.put(moment, manager.zeros(shape, DataType.FLOAT32));
            }
        }
        if (weight.getDataType() != DataType.FLOAT32) {
            NDArray master = manager.zeros(shape, DataType.FLOAT32);
            kernels.run("copy", master, weight);
            state.put("master", master);
        }
        return state;
    }

    /** Frees the states. */
    @Override
    public void close() {
        owned.close();
    }

    /** Builds a {@link TorchOptimizer}. */
    public static final class Builder extends OptimizerBuilder<Builder> {

        private OptimizerName name = OptimizerName.ADAMW_TORCH;
        private ParameterTracker schedule =
                new LearningRateSchedule(SchedulerType.CONSTANT, 5e-5, 0, 1);
        private double beta1 = 0.9;
        private double beta2 = 0.999;
        private double epsilon = 1e-8;
        private double weightDecay;

        private Builder() {}

        /** Sets all options. */
        Builder arguments(TrainingArguments arguments) {
            name = arguments.optim();
            beta1 = arguments.adamBeta1();
            beta2 = arguments.adamBeta2();
            epsilon = arguments.adamEpsilon();
            weightDecay = arguments.weightDecay();
            return this;
        }

        /** Sets the optimizer. */
        public Builder optName(OptimizerName value) {
            name = value;
            return this;
        }

        /**
         * Sets the learning rates; those of a {@link LearningRateSchedule} are used in double
         * precision.
         */
        public Builder optLearningRateTracker(ParameterTracker value) {
            schedule = value;
            return this;
        }

        /** Sets β₁. */
        public Builder optBeta1(double value) {
            beta1 = value;
            return this;
        }

        /** Sets β₂. */
        public Builder optBeta2(double value) {
            beta2 = value;
            return this;
        }

        /** Sets ε. */
        public Builder optEpsilon(double value) {
            epsilon = value;
            return this;
        }

        /** Sets the weight decay λ of matrices. */
        @Override
        public Builder optWeightDecays(float value) {
            weightDecay = value;
            return this;
        }

        @Override
        protected Builder self() {
            return this;
        }

        /**
         * Builds the optimizer.
         *
         * @param manager the manager that closes it with itself, on the device of the parameters
         * @return the optimizer
         * @throws UnsupportedOperationException if its engine is not PyTorch
         */
        public TorchOptimizer build(NDManager manager) {
            if (!DjlEngine.of(manager).runsTorchScript()) {
                throw new UnsupportedOperationException(
                        "this optimizer runs on DJL's PyTorch engine: load the network with"
                                + " optEngine(\"PyTorch\")");
            }
            return new TorchOptimizer(this, manager);
        }
    }
}
