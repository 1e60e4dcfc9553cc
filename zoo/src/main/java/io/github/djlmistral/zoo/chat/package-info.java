/* SPDX-License-Identifier: Apache-2.0 */
/** Conversations: their messages, and the template that makes one prompt of them. */
@NullMarked
package io.github.djlmistral.zoo.chat;

import org.jspecify.annotations.NullMarked;
