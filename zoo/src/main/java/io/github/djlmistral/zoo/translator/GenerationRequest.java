/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;

/**
 * The prompt and the generation options of an input.
 *
 * @param prompt token ids
 * @param config the options
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record GenerationRequest(long[] prompt, GenerationConfig config) {}
