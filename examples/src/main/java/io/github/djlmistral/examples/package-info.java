/** The {@code mistral} command line, and small example programs. */
@NullMarked
package io.github.djlmistral.examples;

import org.jspecify.annotations.NullMarked;
