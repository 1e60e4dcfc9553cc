/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.ndarray.NDList;
import ai.djl.translate.Batchifier;
import ai.djl.translate.StackBatchifier;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import java.util.List;

/**
 * Base class of the translators that run the network themselves, over a whole batch: {@code
 * batchProcessInput} returns an empty list, for which a predictor runs no block, and {@code
 * batchProcessOutput} runs the network. Stateless: predictors may share it.
 *
 * @param <I> the input type
 * @param <O> the output type
 */
abstract class BatchTranslator<I, O> implements Translator<I, O> {

    /** Not null, so that {@code batchPredict} passes the whole batch at once. */
    @Override
    public final Batchifier getBatchifier() {
        return new StackBatchifier();
    }

    @Override
    public abstract NDList batchProcessInput(TranslatorContext ctx, List<I> inputs);

    @Override
    public abstract List<O> batchProcessOutput(TranslatorContext ctx, NDList list);

    @Override
    public final NDList processInput(TranslatorContext ctx, I input) {
        return batchProcessInput(ctx, List.of(input));
    }

    @Override
    public final O processOutput(TranslatorContext ctx, NDList list) {
        return batchProcessOutput(ctx, list).get(0);
    }
}
