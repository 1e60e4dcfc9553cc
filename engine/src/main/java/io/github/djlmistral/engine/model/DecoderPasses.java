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
 * The passes of a network that a {@link Decoder} computes in place of the blocks: few tokens, over
 * a cache. Where a parameter has another array than before, the decoder is made anew.
 */
final class DecoderPasses {

    private final MistralModel model;
    private final MistralLinear head;
    private final List<Parameter> parameters;
    private final List<Shape> shapes;
    private final String description;
    private volatile Compiled compiled;

    /** A decoder, or null where there is none for these arrays. */
    private record Compiled(@Nullable Decoder decoder, List<NDArray> arrays) {}

    /**
     * Makes a decoder for a network.
     *
     * @param parameters what the decoder reads; it is not used while one of them is unfrozen
     * @throws UnsupportedOperationException if there is no decoder for this network
     */
    DecoderPasses(MistralModel model, MistralLinear head, Collection<Parameter> parameters) {
        this.model = model;
        this.head = head;
        this.parameters = List.copyOf(parameters);
        shapes = this.parameters.stream().map(Parameter::getShape).toList();
        Decoder decoder = Simd.decoder(model.forDecoder(head));
        compiled = new Compiled(decoder, arrays());
        description = decoder.description();
    }

    /** Returns how the decoder computes, for the user. */
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
        // only of arrays that are still the parameters': others may be closed
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

    /** Returns the logits (B, kept, V) of a pass; null if this pass is one for the blocks. */
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
