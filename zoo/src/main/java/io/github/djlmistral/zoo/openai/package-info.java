/** OpenAI's API over a loaded model, without HTTP: JSON in, JSON and server-sent events out. */
@NullMarked
package io.github.djlmistral.zoo.openai;

import org.jspecify.annotations.NullMarked;
