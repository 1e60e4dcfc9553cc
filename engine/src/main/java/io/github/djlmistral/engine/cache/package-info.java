/** Keys and values of the tokens a generation has seen. */
@NullMarked
package io.github.djlmistral.engine.cache;

import org.jspecify.annotations.NullMarked;
