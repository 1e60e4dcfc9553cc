/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Models from the Hugging Face Hub, or from a server that speaks its protocol, in the cache that
 * Python's {@code huggingface_hub} keeps: what either of the two has downloaded, the other finds.
 *
 * <p>{@link io.github.djlmistral.zoo.hub.Hub} does it all. It reads from the Hub's API which files
 * a repository has, {@link io.github.djlmistral.zoo.hub.ModelFiles} says which of them a model
 * needs, several connections fetch them in pieces that survive a cut connection and a killed
 * process, and only what has the announced hash becomes part of the cache.
 */
@NullMarked
package io.github.djlmistral.zoo.hub;

import org.jspecify.annotations.NullMarked;
