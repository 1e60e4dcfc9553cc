/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;

/** A block inside {@link MistralBackbone} that computes with a {@link ForwardPass}. */
abstract class LayerPart extends MistralBlock {

    /** Computes (N, E) from (N, E), for the N tokens of the pass. */
    abstract NDArray forward(ForwardPass pass, NDArray x);

    @Override
    protected final NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            PairList<String, Object> params) {
        throw new IllegalStateException(
                getClass().getSimpleName()
                        + " needs the positions, mask and cache of a pass: run the whole network");
    }
}
