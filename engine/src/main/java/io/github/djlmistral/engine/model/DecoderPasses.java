/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.internal.cache.SlotKvCache;
import io.github.djlmistral.engine.internal.simd.Decoder;
import io.github.djlmistral.engine.internal.simd.Simd;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs forward passes over few tokens with a KV cache in a {@link Decoder} instead of the blocks.
 * The decoder is rebuilt when a parameter gets another array.
 */
final class DecoderPasses {

    private final MistralBackbone model;
    private final MistralLinear head;
    private final List<Parameter> parameters;
    private final List<Shape> shapes;
    private final String description;
    private volatile Compiled compiled;

    /** A decoder for these arrays; null if they are not supported. */
    private record Compiled(@Nullable Decoder decoder, List<NDArray> arrays) {}

    /**
     * Makes the decoder of a network.
     *
     * @param parameters the parameters it reads; it is not used while one of them is unfrozen
     * @throws UnsupportedOperationException if the network is not supported
     */
    DecoderPasses(MistralBackbone model, MistralLinear head, Collection<Parameter> parameters) {
        this.model = model;
        this.head = head;
        this.parameters = List.copyOf(parameters);
        shapes = this.parameters.stream().map(Parameter::getShape).toList();
        Decoder decoder = Simd.decoder(model.forDecoder(head));
        compiled = new Compiled(decoder, arrays());
        description = decoder.description();
    }

    /** Returns a description of the decoder for the user. */
    String description() {
        return description;
    }

    private List<NDArray> arrays() {
        return parameters.stream().map(Parameter::getArray).toList();
    }

    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    private @Nullable Decoder decoder() {
        Compiled current = compiled;
        boolean same = true;
        for (int i = 0; i < parameters.size(); ++i) {
            if (parameters.get(i).requiresGradient()) {
                return null;
            }
            same &= parameters.get(i).getArray() == current.arrays.get(i);
        }
        // checked only if all arrays are still in use: others may be closed
        if (!same || (current.decoder != null && !current.decoder.isCurrent())) {
            current = new Compiled(compile(), arrays());
            compiled = current;
        }
        return current.decoder;
    }

    private @Nullable Decoder compile() {
        for (int i = 0; i < shapes.size(); ++i) {
            NDArray array = parameters.get(i).getArray();
            if (!array.getShape().equals(shapes.get(i))
                    || array.getDataType() != PassInput.dataType(model.kernels().dtype())
                    || array.getDevice().isGpu()) {
                return null;
            }
        }
        try {
            return Simd.decoder(model.forDecoder(head));
        } catch (UnsupportedOperationException e) {
            return null;
        }
    }

    /** Returns the logits (B, kept, V) of a pass; null if the blocks have to compute it. */
    @Nullable NDArray forward(PassInput input) {
        long[] ids = input.ids();
        SlotKvCache.Pass cache = input.cache();
        if (ids == null
                || ids.length > Decoder.MAX_TOKENS
                || cache == null
                || !cache.inPlace()
                || input.hiddenStates()
                || input.attentions()) {
            return null;
        }
        Decoder decoder = decoder();
        if (decoder == null) {
            return null;
        }
        int tokens = input.tokens();
        NDArray logits =
                decoder.forward(
                        new Decoder.Pass(
                                input.scope(),
                                ids,
                                input.batch(),
                                tokens,
                                input.positionsOfAllRows(),
                                cache.keys(),
                                cache.values(),
                                input.past(),
                                input.maskValues(model.config().window()),
                                input.logitsToKeep()));
        cache.finish();
        return logits;
    }
}
