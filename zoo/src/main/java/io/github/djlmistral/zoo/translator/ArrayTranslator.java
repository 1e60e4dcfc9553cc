/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.Batchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.RequestLimits;
import org.jspecify.annotations.Nullable;

/**
 * Runs one forward pass over arrays. The output is attached to the manager of the input;
 * intermediate arrays are freed.
 */
final class ArrayTranslator implements Translator<NDList, NDList> {

    private static final String MANAGER = "mistral.manager";

    private final RequestLimits limits;

    ArrayTranslator(RequestLimits limits) {
        this.limits = limits;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    public NDList processInput(TranslatorContext ctx, NDList input) {
        if (input.isEmpty()) {
            throw new IllegalArgumentException(
                    "the list of arrays is empty: give input_ids and optionally attention_mask"
                            + " and position_ids");
        }
        ctx.setAttachment(MANAGER, input.head().getManager());
        NDManager manager = ctx.getNDManager();
        Shape shape = input.head().getShape();
        if (shape.dimension() == 2) { // the network rejects others
            limits.check(new int[] {(int) shape.get(1)}, 0);
            manager.attachInternal(
                    NDManager.nextUid(), limits.admit(Math.toIntExact(shape.get(0))));
        }
        NDList there = new NDList(input.size());
        for (NDArray array : input) {
            NDArray moved = array.toDevice(manager.getDevice(), false);
            if (moved != array) {
                moved.attach(manager);
            }
            there.add(moved);
        }
        return there;
    }

    @Override
    public NDList processOutput(TranslatorContext ctx, NDList list) {
        list.attach((NDManager) ctx.getAttachment(MANAGER));
        return list;
    }

    /** Returns null, since the application's arrays are batches. */
    @Override
    public @Nullable Batchifier getBatchifier() {
        return null;
    }
}
