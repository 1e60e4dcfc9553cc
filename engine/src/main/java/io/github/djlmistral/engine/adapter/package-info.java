/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Low-rank adapters (LoRA, Hu et al. 2021) in the files of the Python library peft. A network uses
 * one after {@code MistralPreTrainedModel.withAdapter}. This package does not need a DJL engine.
 */
@NullMarked
package io.github.djlmistral.engine.adapter;

import org.jspecify.annotations.NullMarked;
