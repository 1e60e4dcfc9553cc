/** A conversation with a model, and the terminal that it is held on: {@code mistral chat}. */
@NullMarked
package io.github.djlmistral.examples.chat;

import org.jspecify.annotations.NullMarked;
