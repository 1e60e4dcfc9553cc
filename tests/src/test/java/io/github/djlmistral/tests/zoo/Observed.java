/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.zoo.Mistral;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The embedded model with a network that records forward passes and fails on request. */
final class Observed<I, O> implements AutoCloseable {

    private final ZooModel<NDList, NDList> weights;
    private final ZooModel<I, O> model;
    private final List<Pass> passes = Collections.synchronizedList(new ArrayList<>());
    private int[] begins = {};
    private volatile int failAt = -1;
    private volatile int actAfter = -1;
    private volatile Runnable action = () -> {};

    /** Token ids of one forward pass. */
    record Pass(List<List<Long>> rows) {

        int batch() {
            return rows.size();
        }
    }

    private Observed(Class<I> input, Class<O> output, Map<String, Object> arguments)
            throws Exception {
        weights = Mistral.criteria(NDList.class, NDList.class).build().loadModel();
        Criteria.Builder<I, O> criteria =
                Mistral.criteria(weights.getModelPath(), input, output).optBlock(network());
        criteria.optArgument("prefix_cache_bytes", 0); // each prompt computes all of its tokens
        arguments.forEach(criteria::optArgument);
        model = criteria.build().loadModel();
    }

    static <I, O> Observed<I, O> load(Class<I> input, Class<O> output) throws Exception {
        return load(input, output, Map.of());
    }

    static <I, O> Observed<I, O> load(
            Class<I> input, Class<O> output, Map<String, Object> arguments) throws Exception {
        return new Observed<>(input, output, arguments);
    }

    private MistralForCausalLM network() {
        MistralForCausalLM network = Mistral.network(weights);
        Kernels observed =
                Fixture.observed(
                        network.kernels(),
                        (name, arguments) -> {
                            if (name.equals("attention")) {
                                note((AttentionInput) arguments[1]);
                            } else if (name.equals("embedding")) {
                                note((NDArray) arguments[0]);
                            }
                        });
        return Fixture.through(observed, network, weights.getNDManager());
    }

    /** The kernels prepare the attention of a pass before they look its tokens up. */
    private void note(AttentionInput input) {
        begins = input.begins();
    }

    private void note(NDArray ids) {
        if (passes.size() == failAt) {
            throw new IllegalStateException("provoked by the test");
        }
        long[] flat = ids.toLongArray();
        List<List<Long>> rows = new ArrayList<>();
        for (int b = 0; b + 1 < begins.length; ++b) {
            rows.add(Arrays.stream(flat, begins[b], begins[b + 1]).boxed().toList());
        }
        passes.add(new Pass(rows));
        if (passes.size() == actAfter) {
            actAfter = -1;
            action.run();
        }
    }

    ZooModel<I, O> model() {
        return model;
    }

    NDManager manager() {
        return model.getNDManager();
    }

    Predictor<I, O> newPredictor() {
        return model.newPredictor();
    }

    /** Returns the passes since the last call. */
    List<Pass> passes() {
        synchronized (passes) {
            List<Pass> noted = List.copyOf(passes);
            passes.clear();
            return noted;
        }
    }

    /** Makes a forward pass fail, counted from the last call of {@link #passes}; -1 for none. */
    void failAt(int pass) {
        failAt = pass;
    }

    /** Runs an action within this pass, counted like those of {@link #failAt}. */
    void actAt(int pass, Runnable runnable) {
        action = runnable;
        actAfter = pass + 1;
    }

    @Override
    public void close() {
        model.close();
        weights.close();
    }
}
