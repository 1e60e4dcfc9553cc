/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Text to ids and back: the tokenizer of a checkpoint directory and the incremental detokenizer
 * that streaming needs.
 */
@NullMarked
package io.github.djlmistral.zoo.tokenizer;

import org.jspecify.annotations.NullMarked;
