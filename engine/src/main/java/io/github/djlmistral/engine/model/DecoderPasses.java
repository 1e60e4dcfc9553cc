/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.simd.Decoder;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The passes of a network that a {@link Decoder} computes, in place of the blocks. */
final class DecoderPasses {

    private final Decoder decoder;
    private final MistralModel model;
    private final List<Parameter> parameters;

    /**
     * Takes a decoder for a network.
     *
     * @param parameters what the decoder reads; it is not used once one of them is unfrozen
     */
    DecoderPasses(Decoder decoder, MistralModel model, Collection<Parameter> parameters) {
        this.decoder = decoder;
        this.model = model;
        this.parameters = List.copyOf(parameters);
    }

    /** Returns the logits (B, kept, V) of a pass; null if this pass is one for the blocks. */
    @Nullable NDArray forward(ForwardInput input) {
        NDArray ids = input.inputIds;
        KvCache cache = input.cache;
        if (ids == null || cache == null || input.outputHiddenStates || input.outputAttentions) {
            return null;
        }
        Shape shape = ids.getShape();
        int batch = (int) shape.get(0);
        int tokens = (int) shape.get(1);
        if (shape.size() > Decoder.MAX_TOKENS
                || parameters.stream().anyMatch(Parameter::requiresGradient)) {
            return null;
        }
        model.check(cache, batch);
        KvCache.Pass pass = cache.begin(input.manager(), tokens);
        if (!pass.inPlace()) {
            return null;
        }
        int past = cache.length();
        NDArray mask = model.mask(input, batch, past, tokens, pass);
        NDArray logits =
                decoder.forward(
                        new Decoder.Pass(
                                input.manager(),
                                ids.toType(DataType.INT64, false).toLongArray(),
                                batch,
                                tokens,
                                positions(input, batch, past, tokens),
                                pass.keys(),
                                pass.values(),
                                past,
                                mask == null ? null : mask.toFloatArray(),
                                input.logitsToKeep == 0
                                        ? tokens
                                        : Math.min(tokens, input.logitsToKeep)));
        pass.finish();
        return logits;
    }

    private static long[] positions(ForwardInput input, int batch, int past, int tokens) {
        long[] given =
                input.positionIds == null
                        ? null
                        : input.positionIds.toType(DataType.INT64, false).toLongArray();
        long[] positions = new long[batch * tokens];
        for (int i = 0; i < positions.length; ++i) {
            // (1, T) is for all rows
            positions[i] = given == null ? past + i % tokens : given[i % given.length];
        }
        return positions;
    }
}
