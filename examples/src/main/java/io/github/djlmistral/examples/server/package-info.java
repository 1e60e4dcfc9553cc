/** The HTTP server of {@code mistral serve}. */
@NullMarked
package io.github.djlmistral.examples.server;

import org.jspecify.annotations.NullMarked;
