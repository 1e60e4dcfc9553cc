/* SPDX-License-Identifier: Apache-2.0 */
/** The tokenizer of a checkpoint, and the incremental detokenizer for streaming. */
@NullMarked
package io.github.djlmistral.zoo.tokenizer;

import org.jspecify.annotations.NullMarked;
