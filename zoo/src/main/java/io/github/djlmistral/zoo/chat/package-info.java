/* SPDX-License-Identifier: Apache-2.0 */
/** Conversations, their messages, and the chat templates that turn them into prompts. */
@NullMarked
package io.github.djlmistral.zoo.chat;

import org.jspecify.annotations.NullMarked;
