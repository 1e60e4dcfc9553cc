/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;

/**
 * The prompt and the generation options of an input.
 *
 * @param pipeline the pipeline that generates, with the adapter that the input chooses
 * @param prompt token ids
 * @param config the options
 * @param calls whether the answer may call tools
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record GenerationRequest(
        MistralPipeline pipeline, long[] prompt, GenerationConfig config, boolean calls) {}
