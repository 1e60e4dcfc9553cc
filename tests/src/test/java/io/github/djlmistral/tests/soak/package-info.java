/**
 * A program that lets one model work for minutes, and looks for wrong answers, growing memory and
 * threads that stay: {@code ./mvnw -Psoak verify -Dsoak.minutes=10}.
 */
@NullMarked
package io.github.djlmistral.tests.soak;

import org.jspecify.annotations.NullMarked;
