/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An interpreter of the Jinja template language with the semantics of Jinja2 in the environment
 * that Hugging Face transformers renders chat templates in.
 */
@NullMarked
package io.github.djlmistral.zoo.chat.jinja;

import org.jspecify.annotations.NullMarked;
