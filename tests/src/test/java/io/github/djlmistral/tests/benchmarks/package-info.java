/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Measurements, which only the Maven profile {@code benchmark} runs; {@code tests/PERFORMANCE.md}
 * tells how and what came out.
 *
 * <p>Single operations are JMH benchmarks. Whole networks are measured beside llama.cpp, which
 * reads the file that {@link io.github.djlmistral.tests.benchmarks.SyntheticGguf} writes.
 */
package io.github.djlmistral.tests.benchmarks;
