/* SPDX-License-Identifier: Apache-2.0 */
/** Data sets of training: records of JSONL files, tokenized, truncated and packed. */
@NullMarked
package io.github.djlmistral.zoo.training;

import org.jspecify.annotations.NullMarked;
