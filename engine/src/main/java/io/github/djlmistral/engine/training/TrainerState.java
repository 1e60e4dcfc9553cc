/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How far a training is; {@code trainer_state.json} of a checkpoint. */
final class TrainerState {

    private static final String FILE = "trainer_state.json";

    /** The number of steps done. */
    int step;

    /** The lowest loss on held-out examples, and the name of its checkpoint. */
    double best = Double.POSITIVE_INFINITY;

    @Nullable String bestCheckpoint;

    /** Evaluations since the best one. */
    int evaluationsSinceBest;

    /** Sums over the steps that are not reported yet. */
    int pendingSteps;

    double pendingLoss;
    Map<String, Double> pendingMetrics = new LinkedHashMap<>();

    /** What determines the order of the examples and the meaning of states; must not change. */
    private static Map<String, String> identity(TrainingPlan plan, TrainingArguments arguments) {
        Map<String, String> identity = new LinkedHashMap<>();
        identity.put("examples", "" + plan.examples());
        identity.put("per_device_train_batch_size", "" + plan.batchSize());
        identity.put("gradient_accumulation_steps", "" + plan.accumulation());
        identity.put("shuffle_dataset", "" + plan.shuffle());
        identity.put("seed", "" + plan.seed());
        identity.put("optim", arguments.optim().name().toLowerCase(Locale.ROOT));
        return identity;
    }

    /** Adds a step to the sums. */
    void add(double loss, Map<String, Double> metrics) {
        step++;
        pendingSteps++;
        pendingLoss += loss;
        metrics.forEach((name, value) -> pendingMetrics.merge(name, value, Double::sum));
    }

    /** Returns the means over the steps since the last report, and forgets these. */
    StepReport report(double epoch, double gradNorm, double learningRate) {
        Map<String, Double> means = new LinkedHashMap<>();
        pendingMetrics.forEach((name, sum) -> means.put(name, sum / pendingSteps));
        double loss = pendingLoss / pendingSteps;
        pendingSteps = 0;
        pendingLoss = 0;
        pendingMetrics = new LinkedHashMap<>();
        return new StepReport(step, epoch, loss, gradNorm, learningRate, means);
    }

    byte[] json(TrainingPlan plan, TrainingArguments arguments) {
        JsonObject json = new JsonObject();
        json.addProperty("global_step", step);
        json.addProperty("epoch", plan.epoch(step));
        json.addProperty("max_steps", plan.totalSteps(arguments));
        if (best < Double.POSITIVE_INFINITY) {
            json.addProperty("best_metric", best);
        }
        json.addProperty("best_model_checkpoint", bestCheckpoint);
        json.addProperty("evaluations_since_best", evaluationsSinceBest);
        json.addProperty("pending_steps", pendingSteps);
        json.addProperty("pending_loss", pendingLoss);
        JsonObject metrics = new JsonObject();
        pendingMetrics.forEach(metrics::addProperty);
        json.add("pending_metrics", metrics);
        identity(plan, arguments).forEach(json::addProperty);
        return (new GsonBuilder().setPrettyPrinting().create().toJson(json) + "\n")
                .getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    static Path file(Path checkpoint) {
        return checkpoint.resolve(FILE);
    }

    /**
     * Reads the state of a checkpoint.
     *
     * @throws IOException if it is none, or that of a training on other data or with other
     *     arguments
     */
    static TrainerState read(Path checkpoint, TrainingPlan plan, TrainingArguments arguments)
            throws IOException {
        Path file = file(checkpoint);
        JsonObject json = StrictJson.read(file, StrictJson.LONGEST);
        try {
            for (Map.Entry<String, String> entry : identity(plan, arguments).entrySet()) {
                String key = entry.getKey();
                String stored = StrictJson.string(json.get(key), key);
                if (!stored.equals(entry.getValue())) {
                    throw new IllegalArgumentException(
                            "its training has "
                                    + key
                                    + " "
                                    + Quote.shorten(stored)
                                    + ", this one "
                                    + entry.getValue()
                                    + ": resume with the same data and arguments");
                }
            }
            TrainerState state = new TrainerState();
            state.step = integer(json, "global_step");
            JsonElement metric = StrictJson.get(json, "best_metric");
            state.best = metric == null ? Double.POSITIVE_INFINITY : real(metric, "best_metric");
            JsonElement name = StrictJson.get(json, "best_model_checkpoint");
            state.bestCheckpoint =
                    name == null ? null : StrictJson.string(name, "best_model_checkpoint");
            state.evaluationsSinceBest = integer(json, "evaluations_since_best");
            state.pendingSteps = integer(json, "pending_steps");
            state.pendingLoss = real(json.get("pending_loss"), "pending_loss");
            StrictJson.object(json.get("pending_metrics"), "pending_metrics")
                    .asMap()
                    .forEach((key, value) -> state.pendingMetrics.put(key, real(value, key)));
            return state;
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    private static int integer(JsonObject json, String key) {
        return (int) StrictJson.integer(json.get(key), key, Integer.MAX_VALUE);
    }

    private static double real(@Nullable JsonElement value, String key) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            return primitive.getAsDouble();
        }
        throw new IllegalArgumentException(key + " is not a number");
    }
}
