/**
 * Mistral models in Apache Spark: {@link io.github.djlmistral.spark.MistralTransformer}, a stage of
 * ML pipelines that runs a model over the rows of a data set.
 */
@NullMarked
package io.github.djlmistral.spark;

import org.jspecify.annotations.NullMarked;
