/** The commands of {@code mistral}, one class each, and the options that they share. */
@NullMarked
package io.github.djlmistral.examples.cli;

import org.jspecify.annotations.NullMarked;
