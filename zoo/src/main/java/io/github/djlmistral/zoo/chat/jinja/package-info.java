/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An interpreter of the Jinja template language with the semantics of Jinja2 in the environment in
 * which Hugging Face transformers renders chat templates.
 *
 * <p>{@link io.github.djlmistral.zoo.chat.ChatTemplate} renders conversations and is what most
 * applications need. {@link io.github.djlmistral.zoo.chat.jinja.Template} renders any template;
 * {@link io.github.djlmistral.zoo.chat.jinja.TemplateException} is the exception of both.
 */
@NullMarked
package io.github.djlmistral.zoo.chat.jinja;

import org.jspecify.annotations.NullMarked;
