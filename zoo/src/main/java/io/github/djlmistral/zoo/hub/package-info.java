/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Downloads models from the Hugging Face Hub, or from a server with the same API, into the cache of
 * Python's {@code huggingface_hub}. Both libraries find what the other has downloaded.
 *
 * <p>{@link io.github.djlmistral.zoo.hub.Hub} is the entry point. It lists the files of a
 * repository through the Hub's API, {@link io.github.djlmistral.zoo.hub.ModelFiles} selects those
 * that a model needs, and several connections download them in byte ranges. An interrupted download
 * is resumed, also by another process. A file enters the cache only after its hash has been
 * verified.
 */
@NullMarked
package io.github.djlmistral.zoo.hub;

import org.jspecify.annotations.NullMarked;
