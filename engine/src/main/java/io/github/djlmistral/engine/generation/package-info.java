/** From the network's logits to a text's tokens: the loop, the choice of tokens, the end. */
@NullMarked
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.NullMarked;
